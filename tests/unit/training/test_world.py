"""Who starts the processes of a training: the environments of Slurm, torchrun and none of them."""

import pytest

from commonfate.base.errors import UserError
from commonfate.training import world

VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK")
VARIABLES += ("MASTER_ADDR", "MASTER_PORT", "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS")
VARIABLES += ("SLURM_STEP_TASKS_PER_NODE", "SLURM_NTASKS_PER_NODE")


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def variables(monkeypatch):
    """Set variables as a launcher does."""
    return lambda **values: [monkeypatch.setenv(name, str(values[name])) for name in values]


def step(tasks, per_node, rank=0, local=0, node=0):
    """What srun tells a task; SLURM_NTASKS is of the job that it may stand in."""
    return {
        "SLURM_NTASKS": tasks,
        "SLURM_STEP_NUM_TASKS": tasks,
        "SLURM_STEP_TASKS_PER_NODE": per_node,
        "SLURM_STEP_NODELIST": "node[3-4]",
        "SLURM_JOB_ID": 12,
        "SLURM_STEP_ID": 1,
        "SLURM_PROCID": rank,
        "SLURM_LOCALID": local,
        "SLURM_NODEID": node,
    }


def test_alone_the_processes_of_a_machine_are_started_here():
    assert not world.environment(2, 1).creates_processes_externally


@pytest.mark.parametrize("tasks_of_the_job", [1, 4])
def test_one_task_of_slurm_starts_the_processes_itself(variables, tasks_of_the_job):
    """Snakemake's executor: `srun -n1`, with eight GPUs; a batch script has no step at all."""
    variables(SLURM_NTASKS=tasks_of_the_job, SLURM_PROCID=0, SLURM_STEP_NUM_TASKS=1)
    environment = world.environment(8, 1)
    assert not environment.creates_processes_externally
    environment.set_world_size(8)
    assert environment.world_size() == 8


def test_processes_that_are_started_here_stay_on_this_machine(variables):
    variables(MASTER_ADDR="elsewhere", MASTER_PORT=1, NODE_RANK=3, LOCAL_RANK=5)
    environment = world.environment(2, 1)
    assert not environment.creates_processes_externally
    assert (environment.main_address, environment.node_rank()) == ("127.0.0.1", 0)
    assert environment.main_port != 1


def test_the_tasks_of_a_step_find_one_another(variables):
    variables(**step(4, "2(x2)", rank=3, local=1, node=1))
    environment = world.environment(2, 2)
    assert environment.creates_processes_externally
    environment.validate_settings(2, 2)
    assert (environment.world_size(), environment.global_rank()) == (4, 3)
    assert (environment.local_rank(), environment.node_rank()) == (1, 1)
    assert environment.main_address == "node3"
    port = environment.main_port
    variables(SLURM_STEP_ID=2)
    assert environment.main_port != port
    assert 1024 < port < 2**16


@pytest.mark.parametrize(
    ("tasks", "per_node", "devices", "nodes"),
    [
        (2, "2", 1, 1),
        (2, "2", 4, 1),
        (4, "2(x2)", 4, 1),
        (4, "4", 2, 2),
        (4, "3,1", 2, 2),
    ],
)
def test_other_tasks_than_devices_times_nodes_are_refused(
    variables, tasks, per_node, devices, nodes
):
    variables(**step(tasks, per_node))
    with pytest.raises(UserError) as error:
        world.environment(devices, nodes)
    message = str(error.value)
    assert f"srun started {tasks} processes" in message
    assert f"--nodes={nodes} --ntasks-per-node={devices}" in message
    assert "\n" not in message


def test_torchrun(variables):
    variables(RANK=1, LOCAL_RANK=1, WORLD_SIZE=2, LOCAL_WORLD_SIZE=2)
    environment = world.environment(2, 1)
    assert environment.creates_processes_externally
    assert (environment.world_size(), environment.global_rank()) == (2, 1)
    for devices, nodes in ((1, 1), (1, 2), (4, 1)):
        with pytest.raises(UserError, match="torchrun started 2 processes"):
            world.environment(devices, nodes)


def test_a_child_joins_its_parent_also_under_slurm(variables):
    variables(LOCAL_RANK=1, WORLD_SIZE=2, SLURM_NTASKS=1, SLURM_STEP_NUM_TASKS=1)
    environment = world.environment(2, 1)
    assert environment.creates_processes_externally
    assert environment.local_rank() == 1


def test_several_machines_need_a_launcher():
    with pytest.raises(UserError, match="srun --nodes=2 --ntasks-per-node=8"):
        world.environment(8, 2)


def test_fewer_processes_than_wanted_are_refused():
    world.check_size(4, 2, 2)
    with pytest.raises(UserError, match=r"8 processes .* but 1 found"):
        world.check_size(1, 8, 1)
