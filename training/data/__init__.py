"""From labelled pictures of hands to batches: readers, the crop of the contract, augmentation, the loader."""
