# Tables: measured rows beside the published ones.


def scores_of(wildcards):
    """Scores of the rows of a table; says now what is left out of it."""
    try:
        if left_out := PLAN.left_out(wildcards.table):
            logger.warning(left_out)
        return [cell.path for cell in PLAN.evaluations(wildcards.table)]
    except UserError as error:
        sys.exit(str(error))


rule table:
    """Assemble a result table as CSV, Markdown and LaTeX."""
    input:
        declaration=f"{workflow.basedir}/workflow/tables/{{table}}.yaml",
        scores=scores_of,
    output:
        csv=report(
            "<results>/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        long="<results>/tables/{table}.long.csv",
        markdown="<results>/tables/{table}.md",
        latex="<results>/tables/{table}.tex",
        provenance="<results>/tables/{table}.provenance.json",
    log:
        "<logs>/tables/{table}.log",
    benchmark:
        "<benchmarks>/tables/{table}.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        config=lambda wildcards: PLAN.table_config(wildcards.table),
    shell:
        """
        commonfate table {wildcards.table} \
            --declaration {input.declaration:q} \
            --config {params.config:q} \
            --output {output.csv:q} 2>{log:q}
        """


def elsewhere(wildcards):
    """Refuse a product of another scale, which might be there and count as made."""
    path = f"results/{wildcards.stage}/{wildcards.path}"
    sys.exit(
        f"{path} is a product of scale demo; at scale {CONFIG.scale} ask for "
        f"{CONFIG.of_scale(path)}"
    )


if RESULTS != "results":

    # Rules of the name of a file, so that tables are asked for alike at every scale.
    for name in [*CONFIG.tables, "flow_quality"]:

        rule:
            name:
                f"results/tables/{name}.csv"
            input:
                f"<results>/tables/{name}.csv",

    rule other_scale:
        """Stands in for all products of scale demo, to say where those of this scale are."""
        input:
            elsewhere,
        output:
            "results/{stage}/{path}",
        wildcard_constraints:
            stage="|".join(commonfate_config.STAGES),
            path=".+",
