# Weights of flow networks of our own: hours of training on rendered pairs, resumed after a kill.
# The package ships them; this rule is how they were made.


rule flow_weights:
    """Train a flow network on rendered pairs whose flow is known."""
    output:
        weights="<results>/flow_weights/{network}.sprites.safetensors",
    log:
        "<logs>/flow_weights/{network}.log",
    benchmark:
        "<benchmarks>/flow_weights/{network}.tsv"
    wildcard_constraints:
        network="|".join(CONFIG.flow_training) or "none",
    conda:
        "../../envs/commonfate.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=1440,
    params:
        settings=lambda wildcards: set_options(CONFIG.flow_training[wildcards.network]),
        seed=CONFIG.seeds[0],
    shell:
        """
        commonfate train-flow \
            --network {wildcards.network} {params.settings:q} \
            --seed {params.seed} \
            --threads {threads} \
            --output {output.weights:q} 2>{log:q}
        """
