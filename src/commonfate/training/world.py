"""Start of a training's processes: by srun, by torchrun, or by this program.

Lightning trusts SLURM_NTASKS wherever it is set. Snakemake starts a job as one task, whatever
number of GPUs it reserved, and a training on eight devices would run on one. Here the environment
is read once and checked against the request, and Lightning gets the result.
"""

import os
from typing import TYPE_CHECKING

from commonfate.base.errors import UserError

if TYPE_CHECKING:
    from lightning.fabric.plugins.environments import ClusterEnvironment

# What would send processes that are started here to another machine, or to a port that is taken.
_OF_OTHERS = ("LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
_PORTS = 15_000, 10_000  # the first, and how many, of the processes that srun started


def environment(devices: int, nodes: int) -> "ClusterEnvironment":
    """Environment that starts and numbers the processes, for `Fabric(plugins=...)`.

    Args:
        devices: processes a node.
        nodes: number of machines.

    Returns:
        The environment of processes that torchrun, a parent of ours or srun started; or, where none
        of them did, one that starts the processes of this machine.

    Raises:
        UserError: another number of processes was started than `devices` times `nodes`, or they are
            for several machines and none was started.
    """
    from lightning.fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment

    variables = os.environ
    if "RANK" in variables and "WORLD_SIZE" in variables:
        size, here = int(variables["WORLD_SIZE"]), variables.get("LOCAL_WORLD_SIZE")
        _check("torchrun", size, [int(here)] * nodes if here else None, devices, nodes)
        return TorchElasticEnvironment()
    if "LOCAL_RANK" in variables and "WORLD_SIZE" in variables:
        _check("the parent process", int(variables["WORLD_SIZE"]), None, devices, nodes)
        return LightningEnvironment()
    # Of the step that this process belongs to; SLURM_NTASKS is the whole job's in a batch script.
    if (tasks := int(variables.get("SLURM_STEP_NUM_TASKS", 1))) > 1:
        _check("srun", tasks, _tasks_by_node(), devices, nodes)
        return _slurm_step()
    if nodes > 1:
        raise UserError(
            f"--nodes {nodes}: no processes were started on the other machines; "
            f"put {_srun(devices, nodes)} before the command, or start it with torchrun"
        )
    for name in _OF_OTHERS:
        variables.pop(name, None)
    return LightningEnvironment()


def check_size(size: int, devices: int, nodes: int) -> None:
    """Complain unless as many processes train together as were asked for.

    Raises:
        UserError: they are more or fewer.
    """
    if size != devices * nodes:
        raise UserError(
            f"--devices {devices} --nodes {nodes}: {devices * nodes} processes are to train "
            f"together, but {size} found one another; nothing was trained"
        )


def _check(starter: str, started: int, by_node: list[int] | None, devices: int, nodes: int) -> None:
    requested = [devices] * nodes
    if started == sum(requested) and by_node in (None, requested):
        return
    shared = f" ({' + '.join(map(str, by_node))} on its machines)" if by_node else ""
    raise UserError(
        f"{starter} started {started} processes{shared}, but --devices {devices} --nodes {nodes} "
        f"are {sum(requested)}; make them agree, e.g. {_srun(devices, nodes)}, or on one machine "
        "start one process: it starts the others"
    )


def _tasks_by_node() -> list[int]:
    """The tasks of this step on each of its nodes; Slurm writes `2(x3),1` for 2, 2, 2, 1."""
    counts: list[int] = []
    for part in filter(None, os.environ.get("SLURM_STEP_TASKS_PER_NODE", "").split(",")):
        tasks, _, times = part.rstrip(")").partition("(x")
        counts += [int(tasks)] * int(times or 1)
    return counts


def _srun(devices: int, nodes: int) -> str:
    return f"srun --nodes={nodes} --ntasks-per-node={devices}"


def _slurm_step() -> "ClusterEnvironment":
    from lightning.fabric.plugins.environments import SLURMEnvironment

    class SlurmStep(SLURMEnvironment):
        """The tasks of one srun, as the step's own variables count them."""

        @staticmethod
        def _validate_srun_variables() -> None:
            """Lightning asks for --ntasks-per-node, which is of no use here."""

        def validate_settings(self, num_devices: int, num_nodes: int) -> None:
            """Done already, by the step's variables and not by those of the job."""

        def world_size(self) -> int:
            return int(os.environ["SLURM_STEP_NUM_TASKS"])

        @property
        def main_address(self) -> str:
            hosts = os.environ.get("SLURM_STEP_NODELIST", "127.0.0.1")
            return os.environ.get("MASTER_ADDR") or self.resolve_root_node_address(hosts)

        @property
        def main_port(self) -> int:
            # The same in all tasks of a step, and another in the next step of the same job.
            first, count = _PORTS
            job, step = (int(os.environ[name]) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID"))
            return int(os.environ.get("MASTER_PORT") or first + (job + 101 * step) % count)

    return SlurmStep()
