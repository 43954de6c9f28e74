"""Self-distillation without labels: loss, schedules, crops and networks of DINO and its heirs."""
