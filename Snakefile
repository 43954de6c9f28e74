# From raw videos to result tables: `snakemake --cores 8 results/tables/table1.csv`.
# Every rule is one call of a `commonfate` verb (`commonfate --help`).

from commonfate import scales

# Until here `config` is what the command line gives.
if scales.changes_demo(config):

    configfile: f"{workflow.basedir}/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/scheduling.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/videos.smk"
include: "workflow/rules/frames.smk"
include: "workflow/rules/flow_weights.smk"
include: "workflow/rules/flow.smk"
include: "workflow/rules/flow_quality.smk"
include: "workflow/rules/samples.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/probe.smk"
include: "workflow/rules/tables.smk"


localrules:
    all,
    videos,
    manifest,
    flow_quality_table,
    table,


onstart:
    without_default_limit()
    # The lock is the operating system's: unlike Snakemake's own, which profiles/default switches
    # off, it ends with this process, so that the same command goes on after kill -9.
    try:
        RUN_LOCK.acquire(blocking=False)
    except Timeout:
        sys.exit(
            "Another snakemake is at work in this folder; wait for it or stop it."
        )
    except OSError as error:
        sys.exit(str(refusals.as_user_error(error) or error))


onsuccess:
    say_left_out()


onerror:
    say_left_out()


rule all:
    """Every table that this scale makes by default."""
    default_target: True
    input:
        [
            f"<results>/tables/{name}.csv"
            for name, table in CONFIG.tables.items()
            if table.by_default
        ],
        ["<results>/tables/flow_quality.csv"] if CONFIG.flow_quality.datasets else [],
