test_that("types of features are told from their names", {
  types <- c(
    "Gene Expression", "Antibody Capture", "Protein Expression", "Peaks", "CRISPR Guide Capture",
    "Multiplexing Capture", "Unassigned Codeword", "slice1"
  )
  expect_equal(
    kind_of_type(types),
    c("rna", "protein", "protein", "chromatin", "other", "other", "other", NA)
  )
  expect_equal(type_of_layer("counts.Antibody Capture", "counts"), "Antibody Capture")
  expect_equal(type_of_layer("counts.Gene Expression.slice.2", "counts"), "Gene Expression")
  expect_equal(type_of_layer("counts.slice1", "counts"), NA_character_)
})

test_that("layers of the same cells are types of features, layers of others are samples", {
  types <- function(layers, cells, features) layer_types(layers, cells, features, "counts")
  genes <- paste0("G", 1:9)
  proteins <- paste0("P", 1:3)
  one <- paste0("a", 1:4)
  two <- paste0("b", 1:4)
  expect_null(types("counts", list(one), list(genes)))
  expect_null(types(c("counts.1", "counts.2"), list(one, two), list(genes, genes)))
  expect_null(types(c("counts.1", "counts.2"), list(one, two), list(genes, proteins)))
  expect_equal(
    types(
      c("counts.Gene Expression", "counts.Antibody Capture"), list(one, one),
      # An antibody may be called as a gene is.
      list(genes, c("G1", "P1"))
    ),
    list(
      `Gene Expression` = "counts.Gene Expression", `Antibody Capture` = "counts.Antibody Capture"
    )
  )
  names <- paste0("counts.", c("Gene Expression.1", "Antibody Capture.1", "Gene Expression.2"))
  expect_equal(
    types(names, list(one, one, two), list(genes, proteins, genes)),
    list(`Gene Expression` = names[c(1, 3)], `Antibody Capture` = names[2])
  )
  # Without names that say so: features tell.
  expect_equal(
    types(c("counts.x", "counts.y", "counts.z"), list(one, one, two), list(genes, proteins, genes)),
    list(x = c("counts.x", "counts.z"), y = "counts.y")
  )
})

test_that("types that are no modality are left out, unknown ones are an error", {
  expect_equal(
    choose_types("Spatial", c("Gene Expression", "Antibody Capture"), NA, FALSE),
    c("Gene Expression", "Antibody Capture")
  )
  expect_message(
    used <- choose_types("Spatial", c("Gene Expression", "CRISPR Guide Capture"), NA, TRUE),
    "Not used: .*CRISPR"
  )
  expect_equal(used, "Gene Expression")
  expect_equal(
    choose_types("Spatial", c("Gene Expression", "Antibody Capture"), "protein", FALSE),
    "Antibody Capture"
  )
  expect_snapshot({
    error_message(choose_types("Spatial", c("x", "y"), NA, FALSE))
    error_message(choose_types("Spatial", c("Gene Expression", "x"), "chromatin", FALSE))
  })
})

# Space Ranger's folder of a slide with antibodies.
written_outs <- function(env = parent.frame()) {
  skip_if_not_installed("Seurat")
  skip_if_not_installed("hdf5r")
  skip_if_not_installed("png")
  folder <- withr::local_tempdir(.local_envir = env)
  object <- SimulateSMART(n.rows = 8, n.cols = 8, outs = file.path(folder, "outs"))
  list(path = file.path(folder, "outs"), object = object)
}

# As the vignette on Visium does it, in either generation of Seurat.
read_outs <- function(path) {
  counts <- suppressMessages(
    Seurat::Read10X_h5(file.path(path, "filtered_feature_bc_matrix.h5"))
  )
  object <- SeuratObject::CreateSeuratObject(counts[["Gene Expression"]], assay = "Spatial")
  image <- Seurat::Read10X_Image(file.path(path, "spatial"))
  image <- image[SeuratObject::Cells(object)]
  SeuratObject::DefaultAssay(image) <- "Spatial"
  object[["slice1"]] <- image
  object[["ADT"]] <- SeuratObject::CreateAssayObject(counts[["Antibody Capture"]])
  object
}

test_that("a folder is written that Seurat reads as what was simulated", {
  outs <- written_outs()
  found <- read_outs(outs$path)
  cells <- colnames(outs$object)
  expect_setequal(colnames(found), cells)
  for (assay in c("Spatial", "ADT")) {
    there <- get_counts(found, assay)
    expect_equal(as.matrix(there)[, cells], as.matrix(get_counts(outs$object, assay)))
  }
  places <- function(object) places_seurat(object, verbose = FALSE)$coords[cells, ]
  expect_equal(as.vector(dist(places(found))), as.vector(dist(places(outs$object))), tolerance = 1e-4)
  expect_equal(
    dim(SeuratObject::GetImage(found[["slice1"]], mode = "raw")),
    dim(SeuratObject::GetImage(outs$object[["slice1"]], mode = "raw"))
  )
  expect_error(SimulateSMART(outs = outs$path), "is not empty")
  expect_error(SimulateSMART(outs = 1), "must be the path of a folder")
  expect_error(SimulateSMART(outs = tempfile(), n.sections = 2), "folder of one section")
})

test_that("the recipe for Visium with antibodies gives both modalities", {
  outs <- written_outs()
  seen <- local_fake_core()
  object <- read_outs(outs$path)
  expect_message(RunSMART(object), "Spatial (rna) and ADT (protein)", fixed = TRUE)
  expect_named(seen$modalities, c("rna", "protein"))
  expect_equal(nrow(seen$modalities$protein$counts), 20)
})

test_that("layers that Load10X_Spatial() makes of two types are two modalities", {
  skip_if_not(seurat_5(), "layers need SeuratObject 5")
  outs <- written_outs()
  seen <- local_fake_core()
  object <- suppressMessages(Seurat::Load10X_Spatial(outs$path))
  genes <- as.matrix(get_counts(outs$object, "Spatial"))[, colnames(object)]
  proteins <- as.matrix(get_counts(outs$object, "ADT"))[, colnames(object)]
  expect_seen <- function(modalities) {
    expect_named(seen$modalities, modalities)
    known <- list(rna = genes, protein = proteins)[modalities]
    for (name in modalities) {
      found <- as.matrix(seen$modalities[[name]]$counts)
      expect_equal(found[rownames(known[[name]]), colnames(genes)], known[[name]])
    }
  }
  expect_message(result <- RunSMART(object), "Gene Expression (rna) and Antibody Capture (protein)",
    fixed = TRUE
  )
  expect_seen(c("rna", "protein"))
  expect_equal(
    SeuratObject::Misc(result[["smart"]])$modalities$source,
    c("Gene Expression of Spatial", "Antibody Capture of Spatial")
  )
  quiet <- function(...) RunSMART(..., verbose = FALSE)
  quiet(object, modalities = c(Spatial = "protein"))
  expect_seen("protein")
  quiet(object, assays = "Spatial", layer = "counts.Antibody Capture")
  expect_seen("protein")
  quiet(object, assays = "Spatial", features = c("Gene3", "Gene1"))
  expect_equal(rownames(seen$modalities$rna$counts), c("Gene3", "Gene1"))
  expect_equal(nrow(seen$modalities$protein$counts), 20)

  # An assay of their own goes before the layer.
  twice <- object
  twice[["ADT"]] <- SeuratObject::CreateAssayObject(
    methods::as(proteins, "CsparseMatrix")
  )
  quiet(twice)
  expect_seen(c("rna", "protein"))
  quiet(twice, assays = c("Spatial", "ADT"))
  expect_seen(c("rna", "protein"))

  # Two slides.
  second <- SeuratObject::RenameCells(object, add.cell.id = "b")
  quiet(suppressWarnings(merge(object, second)))
  expect_named(seen$modalities, c("rna", "protein"))
  expect_length(seen$modalities$protein$counts, 2)
  expect_equal(vapply(seen$modalities$rna$counts, ncol, 1L), c(64L, 64L))
})

test_that("features of two types in one experiment are two modalities", {
  skip_if_not_installed("SingleCellExperiment")
  seen <- local_fake_core()
  data <- SimulateSMART(n.rows = 5, n.cols = 5, class = "SingleCellExperiment")
  both <- rbind(
    SummarizedExperiment::assay(data),
    SummarizedExperiment::assay(SingleCellExperiment::altExp(data))
  )
  sce <- SingleCellExperiment::SingleCellExperiment(
    list(counts = both),
    colData = SummarizedExperiment::colData(data),
    rowData = S4Vectors::DataFrame(
      Type = rep(c("Gene Expression", "Antibody Capture"), c(200, 20))
    )
  )
  RunSMART(sce, verbose = FALSE)
  expect_named(seen$modalities, c("rna", "protein"))
  expect_equal(as.matrix(seen$modalities$protein$counts), as.matrix(both[201:220, ]))
  expect_equal(as.matrix(seen$modalities$rna$counts), as.matrix(both[1:200, ]))
})
