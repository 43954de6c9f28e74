# Tables: measured rows beside the published ones.


rule table:
    """Assemble a result table as CSV, Markdown and LaTeX."""
    input:
        declaration=f"{workflow.basedir}/workflow/tables/{{table}}.yaml",
        scores=lambda wildcards: [
            cell.path for cell in PLAN.evaluations(wildcards.table)
        ],
    output:
        csv=report(
            "results/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        markdown="results/tables/{table}.md",
        latex="results/tables/{table}.tex",
        provenance="results/tables/{table}.provenance.json",
    log:
        "results/logs/tables/{table}.log",
    benchmark:
        "results/benchmarks/tables/{table}.tsv"
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
            --output {output.csv:q} 2>&1 | tee {log:q}
        """
