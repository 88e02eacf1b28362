"""Archives of pictures to Parquet of meshes, through Triton: `python -m deploy.bulk INPUT OUTPUT`."""
