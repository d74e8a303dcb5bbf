"""Deploys Interlock through the AWS API, with the names and shapes of the Terraform. A repetition updates."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from interlock_local import find_checkout
from interlock_local.pump import StreamMapping
from interlock_local.site._functions import Functions
from interlock_local.site._queues import DEAD_LETTERS, Messaging
from interlock_local.site._roles import Access
from interlock_local.site._settings import StackSettings
from interlock_local.site._site import Clients, Site
from interlock_local.site._tables import Tables
from interlock_local.site._wiring import Wiring

Progress = Callable[[str], None]


class Deployment(Struct, frozen=True):
    """The deployed resources: functions by service, the state machine, queues, and the mappings of the streams."""

    environment: str
    functions: Mapping[str, str]
    state_machine_arn: str
    dead_letter_queues: tuple[str, ...]
    alert_queue_url: str
    sensor_inbox_url: str
    scheduler_group: str
    mappings: tuple[StreamMapping, ...]


def deploy(
    clients: Clients,
    zips: Mapping[str, Path],
    runtime: str,
    definition: str,
    settings: StackSettings,
    *,
    region: str,
    account: str,
    own_server: bool,
    progress: Progress = lambda line: None,
) -> Deployment:
    """Create or update everything. `own_server`: the server is our ministack, and a pump reads its streams."""
    site = Site(clients, settings, region, account)
    progress("tables")
    streams = Tables(site).create()
    progress("bus, queues and roles" if settings.skip_scheduler else "bus, queues, roles and scheduler group")
    messaging, access, wiring = Messaging(site), Access(site, own_server=own_server), Wiring(site)
    queues = messaging.queues()
    messaging.bus()
    roles = access.roles()
    if not settings.skip_scheduler:
        access.scheduler_group()
    progress("functions")
    site_functions = Functions(site)
    with ThreadPoolExecutor() as pool:
        deployed = {
            service: pool.submit(site_functions.put, service, path, runtime, roles, queues)
            for service, path in zips.items()
        }
    functions = {service: future.result() for service, future in deployed.items()}
    progress("state machine, rules and mappings")
    machine = wiring.state_machine(definition, functions, roles)
    wiring.rules(functions, queues, roles)
    wiring.queue_mappings(functions, queues)
    mappings = wiring.stream_mappings(streams, functions, queues)
    if not own_server:
        wiring.create_stream_mappings(mappings, queues)
    return Deployment(
        environment=settings.environment,
        functions=functions,
        state_machine_arn=machine,
        dead_letter_queues=tuple(queues[name].url for name in DEAD_LETTERS),
        alert_queue_url=queues["alerts"].url,
        sensor_inbox_url=queues["sensor-inbox.fifo"].url,
        scheduler_group=site.name("sla"),
        mappings=mappings,
    )


def deploy_to(
    clients: Clients, zips: Mapping[str, Path], runtime: str, settings: StackSettings, *, progress: Progress
) -> Deployment:
    """Deploy to the endpoint of the clients, with its own stream mappings and account."""
    account = str(clients("sts").get_caller_identity()["Account"])
    template = (find_checkout() / "infra" / "statemachine" / "interlock.asl.json").read_text(encoding="utf-8")
    region = str(clients("dynamodb").meta.region_name)
    return deploy(
        clients,
        zips,
        runtime,
        template,
        settings,
        region=region,
        account=account,
        own_server=False,
        progress=progress,
    )
