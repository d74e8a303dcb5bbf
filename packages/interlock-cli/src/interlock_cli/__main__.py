"""`python -m interlock_cli` is the `interlock` command."""

from interlock_cli._main import main

if __name__ == "__main__":
    main(prog_name="interlock")
