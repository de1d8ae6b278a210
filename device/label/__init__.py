"""Label archives of photos and videos: one Parquet file per shard of the inputs.

sources.py lists the inputs, shards.py plans which file has which, worker.py labels one shard,
local.py and cluster.py run many, folder.py and table.py write. `run.label` puts them together.
"""
