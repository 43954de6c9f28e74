# Samples: what a training sample is made of.


def of_datasets(pattern, wildcards, **others):
    """Paths of one product for every shard of every dataset that a name joins by `+`."""
    return [
        path
        for dataset in wildcards.datasets.split("+")
        for path in of_shards(pattern, dataset, **others)
    ]


rule samples:
    """Index the training samples of one split and flow source, of one dataset or several."""
    input:
        manifest=lambda wildcards: expand(
            "results/videos/{dataset}/manifest.parquet",
            dataset=wildcards.datasets.split("+"),
        ),
        frames=lambda wildcards: of_datasets(
            "results/frames/{dataset}/{shard}.zarr.zip", wildcards
        ),
        flow=lambda wildcards: of_datasets(
            FLOW_STORE, wildcards, source=wildcards.source
        ),
    output:
        "results/samples/{datasets}-{split}-{source}/index.parquet",
    log:
        "results/logs/samples/{datasets}-{split}-{source}/index.log",
    benchmark:
        "results/benchmarks/samples/{datasets}-{split}-{source}/index.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        """
        commonfate samples \
            $(printf -- '--manifest=%s ' {input.manifest:q}) \
            --split {wildcards.split} \
            $(printf -- '--frames=%s ' {input.frames:q}) \
            $(printf -- '--flow=%s ' {input.flow:q}) \
            --output {output:q} 2>{log:q}
        """
