"""interlock completion: prints the script with which a shell completes commands, options and pipelines."""

import click
from click.shell_completion import get_completion_class

from interlock_cli._output._console import print_script

VARIABLE = "_INTERLOCK_COMPLETE"
"""The variable with which the script of a shell asks `interlock` for the words."""

_WORD, _ESCAPED = "COMPREPLY+=($value)", 'COMPREPLY+=("$(printf %q "$value")")'
"""The place of a word in the script for bash. Unlike other shells, bash escapes no blank in it, as in `not begun`."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which SHELL completes commands, options and pipelines.

    The ids of pipelines are those of the pipeline files: of all environments of interlock.toml, otherwise of the folder
    pipelines and of the working folder. Those of the deployment are added. A process in the background reads them, at
    most once a minute.

    \b
    Examples:
      interlock completion bash >> ~/.bash_completion
      interlock completion zsh > "${fpath[1]}/_interlock"
      interlock completion fish > ~/.config/fish/completions/interlock.fish
      eval "$(interlock completion bash)"
    """
    found = get_completion_class(shell)
    assert found is not None
    print_script(found(context.find_root().command, {}, "interlock", VARIABLE).source().replace(_WORD, _ESCAPED))
