# Objects for test_rds.py, saved as NAME.rds, and what R says is in them as tables NAME-WHAT.csv.
# Rscript rds_objects.R FOLDER
options(warn = 1)
folder <- commandArgs(TRUE)[1]
suppressPackageStartupMessages(library(Matrix))

write_table <- function(x, name) write.csv(as.matrix(x), file.path(folder, paste0(name, ".csv")))

# Saves what the code makes; an object that needs a package that is missing is left out.
make <- function(name, packages, code) {
  here <- vapply(packages, requireNamespace, NA, quietly = TRUE)
  if (all(here)) base::saveRDS(code, file.path(folder, paste0(name, ".rds")))
}

set.seed(1)
n <- 64
cells <- paste0("cell", 1:n)
rna <- rsparsematrix(30, n, 0.3, rand.x = function(k) rpois(k, 3) + 1)
dimnames(rna) <- list(paste0("gene", 1:30), cells)
adt <- matrix(rpois(5 * n, 9), 5, dimnames = list(paste0("prot", 1:5), cells))
adt <- as(adt, "dgCMatrix")
places <- expand.grid(x = 1:8 + 0.25, y = 1:8)
rownames(places) <- cells
write_table(t(rna), "rna")
write_table(t(adt), "adt")
write_table(places, "places")

seurat <- function(..., assay = "RNA") {
  object <- suppressWarnings(SeuratObject::CreateSeuratObject(rna, assay = assay))
  object[["ADT"]] <- SeuratObject::CreateAssayObject(adt)
  images <- list(...)
  for (name in names(images)) {
    points <- places[images[[name]], ]
    image <- SeuratObject::CreateFOV(points, type = "centroids", assay = assay)
    object[[name]] <- suppressWarnings(image)
  }
  object
}

make("seurat", "SeuratObject", {
  object <- seurat(left = 1:25, right = n:26, crop = 30:35)
  object$text <- c(NA, rep(c("b", "a", "a"), 21))
  object$level <- factor(rep(c("high", "low"), 32), levels = c("low", "high"), ordered = TRUE)
  object$flag <- c(NA, rep(c(TRUE, FALSE, TRUE), 21))
  object$all <- rep(c(TRUE, FALSE), 32)
  object$whole <- c(NA, 2:n)
  object$real <- seq(0, 1, length.out = n)
  object$day <- as.Date("2024-02-29")
  reduction <- function(key, assay, global) {
    values <- matrix(rnorm(3 * n), n, dimnames = list(cells, paste0(key, 1:3)))
    write_table(values, sub("_", "", key))
    SeuratObject::CreateDimReducObject(values, key = key, assay = assay, global = global)
  }
  object[["pca"]] <- reduction("PC_", "RNA", FALSE)
  object[["apca"]] <- reduction("APC_", "ADT", FALSE)
  object[["umap"]] <- reduction("UMAP_", "RNA", TRUE)
  object
})

make("overlap", "SeuratObject", seurat(a = 1:25, b = 20:40))
make("partly", "SeuratObject", seurat(a = 1:25))
make("visium", "SeuratObject", seurat(slice1 = 1:n, assay = "Spatial"))

make("outlines", "SeuratObject", {
  corners <- data.frame(dx = c(-3, 1, 1, 1), dy = c(-3, -1, 1, 3))
  outlines <- do.call(rbind, lapply(cells, function(cell) {
    data.frame(x = places[cell, "x"] + corners$dx, y = places[cell, "y"] + corners$dy, cell = cell)
  }))
  object <- seurat()
  object[["fov"]] <- SeuratObject::CreateFOV(outlines, type = "segmentation", assay = "RNA")
  object
})

make("columns", "SeuratObject", {
  object <- seurat()
  object[["scores"]] <- SeuratObject::CreateAssayObject(data = adt)
  object$X_centroid <- places$x
  object$Y_centroid <- places$y
  object
})

if (requireNamespace("SeuratObject") && packageVersion("SeuratObject") >= "5") {
  # Layers with different features, in another order of cells.
  make("split", "SeuratObject", {
    write_table(t(rna[11:20, ]), "split")
    SeuratObject::CreateSeuratObject(list(b = rna[1:20, 31:n], a = rna[11:30, 1:30]))
  })
  # ADT has fewer cells.
  make("fewer", "SeuratObject", {
    object <- SeuratObject::CreateSeuratObject(rna)
    object[["ADT"]] <- SeuratObject::CreateAssay5Object(adt[, 11:n])
    object
  })
}

sce <- function(counts = rna) {
  SingleCellExperiment::SingleCellExperiment(list(logcounts = log1p(rna), counts = counts))
}

make("sce", "SingleCellExperiment", {
  library(SingleCellExperiment)
  object <- sce()
  rowData(object)$length <- 30:1
  object$batch <- "one"
  object$"odd name" <- 1:n
  object$list <- I(as.list(1:n))
  reducedDim(object, "UMAP") <- matrix(rnorm(2 * n), n)
  write_table(reducedDim(object), "sce-umap")
  altExp(object, "ADT") <- SummarizedExperiment(list(counts = adt))
  altExp(object, "ADT")$depth <- 1:n
  altExp(object, "scores") <- SummarizedExperiment(list(z = adt))
  object
})

matrices <- list(
  dense = as.matrix(rna), logical = rna > 2, triplet = as(rna, "TsparseMatrix"),
  delayed = if (requireNamespace("DelayedArray")) DelayedArray::DelayedArray(rna)
)
for (kind in names(matrices)) {
  make(kind, "SingleCellExperiment", sce(matrices[[kind]]))
  write_table(t(as.matrix(matrices[[kind]])) + 0, kind)
}

make("spe", c("SingleCellExperiment", "SpatialExperiment"), {
  SpatialExperiment::SpatialExperiment(
    assays = list(counts = rna), spatialCoords = as.matrix(places),
    sample_id = rep(c("s1", "s2"), each = n / 2)
  )
})

make("no_counts", "SingleCellExperiment", {
  SingleCellExperiment::SingleCellExperiment(list(logcounts = log1p(rna)))
})

make("stranger", "SingleCellExperiment", {
  object <- sce()
  attr(object, "class") <- structure("SpatialExperiment", package = "SpatialThings")
  object
})

make("frame", "stats", data.frame(a = 1))
make("list", "stats", list(1))
