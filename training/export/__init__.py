"""From a checkpoint to a Triton model repository: a traced module, its configuration, contract and card."""
