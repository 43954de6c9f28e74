# From raw videos to result tables: `snakemake --cores 8 results/tables/table1.csv`.
# Every rule is one call of a `commonfate` verb (`commonfate --help`).


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/videos.smk"
include: "workflow/rules/frames.smk"
include: "workflow/rules/flow.smk"
include: "workflow/rules/samples.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"


localrules:
    all,
    videos,
    manifest,
    table,


rule all:
    """Every table of this scale."""
    default_target: True
    input:
        expand("results/tables/{table}.csv", table=PLAN.config.tables),
