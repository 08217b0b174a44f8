"""A 10x Genomics matrix without places."""

from __future__ import annotations

from smartcore.io._features import left_out_types, split_kinds
from smartcore.io._tenx import matrix_in, read_matrix, software_of
from smartcore.io.machines._contents import Contents
from smartcore.io.machines._machine import Folder, Machine

NAME = "10x matrix"


def read(contents: Contents) -> Folder:
    """Read the counts; there are no places."""
    matrix = contents.only or matrix_in(contents.root)
    adata = read_matrix(matrix)
    return Folder(
        machine=NAME,
        modalities=split_kinds(adata, str(matrix), untyped="rna"),
        unit=None,
        used=(matrix,),
        left_out=left_out_types(adata.var),
        version=software_of(matrix),
    )


MACHINE = Machine(
    name=NAME,
    marks=("*feature_bc_matrix.h5", "*feature_bc_matrix", "*matrix.mtx", "*matrix.mtx.gz"),
    needs="filtered_feature_bc_matrix.h5, or a folder of matrix.mtx, features.tsv and "
    "barcodes.tsv (it has no coordinates: give a table of them)",
    read=read,
    last=True,
)
