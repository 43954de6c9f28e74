# Samples: what a training sample is made of.


rule samples:
    """Index the training samples of one dataset, split and flow source."""
    input:
        manifest="results/videos/{dataset}/manifest.parquet",
        frames=lambda wildcards: of_shards(
            "results/frames/{dataset}/{shard}.zarr.zip", wildcards.dataset
        ),
        flow=lambda wildcards: of_shards(
            FLOW_STORE, wildcards.dataset, source=wildcards.source
        ),
    output:
        "results/samples/{dataset}-{split}-{source}/index.parquet",
    log:
        "results/logs/samples/{dataset}-{split}-{source}/index.log",
    benchmark:
        "results/benchmarks/samples/{dataset}-{split}-{source}/index.tsv"
    conda:
        "../../envs/commonfate.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        """
        commonfate samples \
            --manifest {input.manifest:q} \
            --split {wildcards.split} \
            $(printf -- '--frames=%s ' {input.frames:q}) \
            $(printf -- '--flow=%s ' {input.flow:q}) \
            --output {output:q} 2>{log:q}
        """
