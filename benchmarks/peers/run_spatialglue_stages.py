"""SpatialGlue by the settings of its tutorials, its stages timed: for benchmarks/scale.py."""

import json
import sys
import time

import numpy as np
import torch
from anndata import AnnData
from SpatialGlue.preprocess import construct_neighbor_graph, fix_seed
from SpatialGlue.SpatialGlue_pyG import Train_SpatialGlue

given, made = sys.argv[1:]
with np.load(given) as arrays:
    adatas = [
        AnnData(arrays[name], obsm={"spatial": arrays["coords"], "feat": arrays[name]})
        for name in ("x/rna", "x/protein")
    ]
fix_seed(0)
start = time.perf_counter()
data = construct_neighbor_graph(*adatas, datatype="SPOTS")
trainer = Train_SpatialGlue(data, datatype="SPOTS", random_seed=0, device=torch.device("cpu"))
ready = time.perf_counter()
if not np.isfinite(trainer.train()["SpatialGlue"]).all():
    raise FloatingPointError("the embedding is not finite")
end = time.perf_counter()
seconds = {"graph": ready - start, "training": end - ready}
with open(made, "w") as file:
    json.dump({"seconds": seconds, "total": end - start, "steps": trainer.epochs}, file)
