# docs/machines.md: what it says to type in R, on small folders of each machine.

skip_if_not_installed("Seurat")

quiet <- function(code) suppressWarnings(suppressMessages(code))

# Embeds and divides the cells; their places and counts are those of the machine's files.
expect_runs <- function(object, xy, totals, ...) {
  assay <- SeuratObject::DefaultAssay(object)
  found <- places_seurat(object, verbose = FALSE, ...)$coords
  expect_equal(unname(found), unname(as.matrix(xy[rownames(found), ])))
  counted <- object[[paste0("nCount_", assay), drop = TRUE]]
  expect_equal(unname(counted), unname(totals[colnames(object)]))
  if (!seurat_5() && any(counted == 0)) object <- object[, counted > 0]
  result <- quiet(RunSMART(object, n.clusters = 3, verbose = FALSE, ...))
  kept <- result[[paste0("nCount_", assay), drop = TRUE]] > 0
  expect_identical(unname(!is.na(result$smart_clusters)), unname(kept))
  expect_identical(nlevels(result$smart_clusters), 3L)
  invisible(result)
}

write_mtx_folder <- function(folder, counts, types = "Gene Expression") {
  dir.create(folder)
  zipped <- function(lines, name) {
    con <- gzfile(file.path(folder, name), "w")
    on.exit(close(con))
    writeLines(lines, con)
  }
  plain <- withr::local_tempfile()
  Matrix::writeMM(counts, plain)
  zipped(readLines(plain), "matrix.mtx.gz")
  zipped(paste(rownames(counts), rownames(counts), types, sep = "\t"), "features.tsv.gz")
  zipped(colnames(counts), "barcodes.tsv.gz")
  folder
}

test_that("Visium: Load10X_Spatial()", {
  skip_if_not_installed("hdf5r")
  skip_without_core()
  folder <- shared_data("seurat_visium", "visium_outs")
  object <- quiet(Seurat::Load10X_Spatial(folder))
  file <- file.path(folder, "spatial", "tissue_positions_list.csv")
  places <- utils::read.csv(file, header = FALSE, row.names = 1)
  counts <- quiet(Seurat::Read10X_h5(list.files(folder, "matrix.h5$", full.names = TRUE)))
  # Columns of the image are x.
  expect_runs(object, places[5:4], Matrix::colSums(counts))
})

test_that("Xenium: LoadXenium()", {
  skip_without_core()
  from <- shared_data("formats", "xenium")
  skip_if_not_installed("hdf5r")
  # The loaders of some versions need a folder in place of the HDF5 file, and two features of each
  # type of control.
  folder <- file.path(withr::local_tempdir(), "xenium")
  dir.create(folder)
  files <- setdiff(list.files(from), "cell_feature_matrix.h5")
  file.copy(file.path(from, files), folder)
  genes <- quiet(Seurat::Read10X_h5(file.path(from, "cell_feature_matrix.h5")))[["Gene Expression"]]
  types <- rep(c("Negative Control Probe", "Negative Control Codeword", "Blank Codeword"), each = 2)
  controls <- genes[rep(1, 6), ]
  rownames(controls) <- paste0("control", 1:6)
  write_mtx_folder(
    file.path(folder, "cell_feature_matrix"), rbind(genes, controls),
    c(rep("Gene Expression", nrow(genes)), types)
  )
  object <- quiet(Seurat::LoadXenium(folder))
  cells <- utils::read.csv(file.path(from, "cells.csv.gz"), row.names = "cell_id")
  result <- expect_runs(object, cells[c("x_centroid", "y_centroid")], Matrix::colSums(genes))
  # Controls are assays of their own, which are left out.
  expect_identical(SeuratObject::Misc(result[["smart"]])$modalities$assay, "Xenium")
})

test_that("CosMx: LoadNanostring()", {
  skip_without_core()
  folder <- shared_data("formats", "cosmx")
  object <- quiet(Seurat::LoadNanostring(folder, fov = "fov"))
  read <- function(what) {
    utils::read.csv(list.files(folder, what, full.names = TRUE), check.names = FALSE)
  }
  cells <- read("metadata_file")
  rownames(cells) <- paste(cells$cell_ID, cells$fov, sep = "_")
  counts <- read("exprMat_file")
  rownames(counts) <- paste(counts$cell_ID, counts$fov, sep = "_")
  # Seurat leaves out a gene of this file in some versions.
  genes <- intersect(names(counts), rownames(object))
  expect_gt(length(genes), 940)
  totals <- rowSums(counts[colnames(object), genes])
  expect_runs(object, cells[c("CenterX_global_px", "CenterY_global_px")], totals)
})

test_that("MERSCOPE: the centroids of ReadVizgen()", {
  skip_without_core()
  folder <- shared_data("formats", "merscope")
  v <- quiet(Seurat::ReadVizgen(folder, type = "centroids"))
  object <- quiet(SeuratObject::CreateSeuratObject(v$transcripts, assay = "Vizgen"))
  object[["fov"]] <- quiet(SeuratObject::CreateFOV(
    SeuratObject::CreateCentroids(v$centroids), type = "centroids", assay = "Vizgen"
  ))
  # Cells go by numbers too long for a number.
  read <- function(what) {
    file <- list.files(folder, what, full.names = TRUE)
    first <- names(utils::read.csv(file, nrows = 1, check.names = FALSE))[1]
    utils::read.csv(file, check.names = FALSE, colClasses = stats::setNames("character", first))
  }
  cells <- read("cell_metadata")
  rownames(cells) <- cells[[1]]
  counts <- read("cell_by_gene")
  # Seurat leaves blank barcodes out in some versions.
  genes <- intersect(names(counts), rownames(object))
  totals <- stats::setNames(rowSums(counts[genes]), counts[[1]])
  expect_runs(object, cells[c("center_x", "center_y")], totals)
})

test_that("Slide-seq: counts beside ReadSlideSeq()", {
  skip_without_core()
  folder <- withr::local_tempdir()
  simulated <- SimulateSMART(n.rows = 10, n.cols = 10, class = "SingleCellExperiment")
  beads <- utils::head(colnames(simulated), 90)
  counts <- as.matrix(SummarizedExperiment::assay(simulated)[, beads])
  xy <- as.data.frame(SummarizedExperiment::colData(simulated))[beads, c("x", "y")]
  utils::write.csv(counts, file.path(folder, "MappedDGEForR.csv"))
  places <- data.frame(barcodes = beads, xcoord = xy$x, ycoord = xy$y)
  utils::write.csv(places, file.path(folder, "BeadLocationsForR.csv"), row.names = FALSE)

  read <- as.matrix(utils::read.csv(
    file.path(folder, "MappedDGEForR.csv"), row.names = 1, check.names = FALSE
  ))
  object <- SeuratObject::CreateSeuratObject(read, assay = "Spatial")
  object[["image"]] <- Seurat::ReadSlideSeq(file.path(folder, "BeadLocationsForR.csv"))
  expect_runs(object, xy, colSums(counts))
})

test_that("10x: Read10X() and coordinates from a table", {
  skip_without_core()
  simulated <- SimulateSMART(n.rows = 8, n.cols = 8, class = "SingleCellExperiment")
  counts <- as_sparse(SummarizedExperiment::assay(simulated))
  folder <- file.path(withr::local_tempdir(), "filtered_feature_bc_matrix")
  write_mtx_folder(folder, counts)
  object <- SeuratObject::CreateSeuratObject(quiet(Seurat::Read10X(folder)))
  xy <- as.data.frame(SummarizedExperiment::colData(simulated))[c("x", "y")]
  expect_runs(object, xy, Matrix::colSums(counts), coords = as.matrix(xy))
})
