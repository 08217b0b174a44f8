skip_if_not_installed("Seurat")

small <- function(...) SimulateSMART(n.rows = 5, n.cols = 5, ...)

test_that("a Seurat comes out, with the core's embedding in a reduction", {
  seen <- local_fake_core()
  object <- small()
  object$seurat_clusters <- "mine"
  result <- RunSMART(object, verbose = FALSE)
  expect_s4_class(result, "Seurat")
  reduction <- result[["smart"]]
  oracle <- cbind(seen$coords, 1:25)
  expect_identical(unname(SeuratObject::Embeddings(reduction)), unname(oracle))
  expect_equal(rownames(reduction), colnames(object))
  expect_equal(colnames(reduction), paste0("SMART_", 1:3))
  expect_equal(SeuratObject::Key(reduction), "SMART_", ignore_attr = TRUE)
  expect_equal(SeuratObject::DefaultAssay(reduction), "Spatial")
  expect_true(SeuratObject::IsGlobal(reduction))
  expect_equal(SeuratObject::Stdev(reduction), unname(apply(oracle, 2, sd)))
  expect_equal(dim(SeuratObject::Loadings(reduction)), c(0, 0))

  expect_equal(SeuratObject::DefaultAssay(result), "Spatial")
  expect_true(all(result$seurat_clusters == "mine"))
  expect_equal(SeuratObject::Idents(result), SeuratObject::Idents(object))
  expect_null(result@meta.data$smart_clusters)
  contributions <- paste0("smart.contribution.", c("rna", "protein"))
  expect_equal(unname(as.matrix(result[[contributions]])), matrix(0.5, 25, 2))
  # All else is as it was.
  result@meta.data[contributions] <- NULL
  result@reductions <- object@reductions
  result@commands <- object@commands
  expect_equal(result, object)
})

test_that("the second assay as default stays the default", {
  local_fake_core()
  object <- small()
  SeuratObject::DefaultAssay(object) <- "ADT"
  result <- RunSMART(object, n.clusters = 2, verbose = FALSE)
  expect_equal(SeuratObject::DefaultAssay(result), "ADT")
  expect_equal(SeuratObject::DefaultAssay(result[["smart"]]), "Spatial")
})

test_that("misc holds versions, parameters, history, modalities, sections", {
  local_fake_core()
  object <- small(n.sections = 2)
  misc <- SeuratObject::Misc(RunSMART(object, verbose = FALSE)[["smart"]])
  expect_equal(misc$history, data.frame(epoch = 1:2, total = c(2, 1)))
  expect_equal(misc$params, list(epochs = 2L))
  expect_named(misc$versions, c("SpatialSMART", "smartcore"))
  expect_equal(misc$sections, c(slice1 = 25L, slice2 = 25L))
  expect_equal(misc$n.triplets, c(rna = 7L, protein = 7L))
  expect_equal(misc$modalities, data.frame(
    modality = c("rna", "protein"), kind = c("rna", "protein"), assay = c("Spatial", "ADT"),
    source = c("Spatial", "ADT"), layer = "counts", reduction = NA_character_,
    n.features = c(200L, 20L), n.cells = 50L
  ))
})

test_that("clusters are a factor in numeric order, and the identities", {
  local_fake_core()
  result <- RunSMART(small(), n.clusters = 12, cluster.name = "niche", verbose = FALSE)
  expect_s3_class(result$niche, "factor")
  expect_equal(levels(result$niche), as.character(0:11))
  expect_equal(as.character(result$niche), rep_len(as.character(0:11), 25))
  expect_equal(levels(SeuratObject::Idents(result)), as.character(0:11))
  expect_equal(SeuratObject::Idents(result), result$niche)
  expect_null(result@meta.data$seurat_clusters)
})

test_that("Seurat's own functions go on from there", {
  local_fake_core()
  result <- RunSMART(small(), n.clusters = 3, verbose = FALSE)
  expect_s3_class(Seurat::ElbowPlot(result, ndims = 3, reduction = "smart"), "ggplot")
  expect_s3_class(Seurat::DimPlot(result, reduction = "smart"), "ggplot")
  expect_s3_class(Seurat::SpatialDimPlot(result), "ggplot")
  neighbors <- Seurat::FindNeighbors(result, reduction = "smart", dims = 1:3, verbose = FALSE)
  expect_true("Spatial_snn" %in% names(neighbors))
  expect_true(all(c("SMART_1", "smart_clusters") %in% names(
    SeuratObject::FetchData(result, c("SMART_1", "smart_clusters"))
  )))
})

test_that("a second run gets a key from its name", {
  local_fake_core()
  expect_warning(
    {
      result <- RunSMART(small(), verbose = FALSE)
      result <- RunSMART(result, reduction.name = "smart.paper", verbose = FALSE)
      result <- RunSMART(result, reduction.name = "smart_paper", verbose = FALSE)
      result <- RunSMART(result, reduction.name = "other", reduction.key = "mine_", verbose = FALSE)
    },
    NA
  )
  keys <- SeuratObject::Key(result)[c("smart", "smart.paper", "smart_paper", "other")]
  expect_equal(unname(unlist(keys)), c("SMART_", "SMARTPAPER_", "SMARTPAPERr2_", "mine_"))
  expect_true(all(grepl("^[a-zA-Z][a-zA-Z0-9]*_$", unlist(keys))))
  expect_equal(derive_key("12", character()), "SMART12_")
})

test_that("an embedding of SMART is overwritten, nothing else is", {
  local_fake_core()
  result <- RunSMART(small(), verbose = FALSE)
  expect_warning(again <- RunSMART(result, verbose = FALSE), NA)
  expect_equal(SeuratObject::Reductions(again), "smart")
  narrow <- result
  narrow@reductions$smart@cell.embeddings <- narrow@reductions$smart@cell.embeddings[, 1:2]
  expect_warning(again <- RunSMART(narrow, verbose = FALSE), NA)
  expect_equal(ncol(again[["smart"]]), 3)
})

test_that("names that are taken or none are errors", {
  local_fake_core()
  object <- small()
  embedding <- matrix(1:50, 25, dimnames = list(colnames(object), paste0("PC_", 1:2)))
  object[["pca"]] <- SeuratObject::CreateDimReducObject(embedding, assay = "Spatial", key = "PC_")
  expect_snapshot({
    error_message(RunSMART(object, reduction.name = "pca"))
    error_message(RunSMART(object, reduction.name = "slice1"))
    error_message(RunSMART(object, reduction.name = "a b"))
    error_message(RunSMART(object, reduction.name = c("a", "b")))
    error_message(RunSMART(object, reduction.key = "SMART"))
    error_message(RunSMART(object, reduction.key = "PC_"))
    error_message(RunSMART(object, cluster.name = "ADT", n.clusters = 2))
    error_message(RunSMART(object, cluster.name = 1, n.clusters = 2))
    error_message(RunSMART(object, n.clusters = 0))
    error_message(RunSMART(object, n.clusters = 26))
    error_message(RunSMART(object, n.clusters = c(2, 30)))
    error_message(RunSMART(object, n.clusters = "2-4"))
  })
})

test_that("the command is logged, without what is large", {
  local_fake_core()
  object <- small()
  xy <- matrix(0, 5000, 2, dimnames = list(c(colnames(object), paste0("other", 1:4975)), NULL))
  result <- RunSMART(object, coords = xy, n.clusters = 2, lam = 0.25, verbose = FALSE)
  expect_equal(SeuratObject::Command(result), "RunSMART")
  command <- SeuratObject::Command(result, "RunSMART")
  expect_equal(command@assay.used, "Spatial")
  expect_match(command@call.string, "RunSMART(object = object, coords = xy", fixed = TRUE)
  expect_equal(SeuratObject::Command(result, "RunSMART", "lam"), 0.25)
  expect_equal(SeuratObject::Command(result, "RunSMART", "n.clusters"), 2)
  expect_false("coords" %in% names(command@params))
  expect_lt(as.numeric(object.size(command)), 20000)

  called <- do.call(RunSMART, list(object, coords = xy, verbose = FALSE))
  command <- SeuratObject::Command(called, "RunSMART")
  expect_lt(as.numeric(object.size(command)), 20000)
  expect_match(command@call.string, "RunSMART(", fixed = TRUE)

  twice <- RunSMART(result, reduction.name = "again", verbose = FALSE)
  expect_equal(SeuratObject::Command(twice), c("RunSMART", "RunSMART.again"))
})

test_that("the object is untouched when anything fails or is interrupted", {
  object <- small()
  before <- object
  stop_with <- function(cnd) function(...) stop(cnd)
  interrupt <- structure(class = c("interrupt", "condition"), list(message = "", call = NULL))
  local_fake_core()
  for (cnd in list(simpleError("out of memory"), interrupt)) {
    local_stand_ins(run_core = stop_with(cnd))
    caught <- tryCatch(
      object <- RunSMART(object, n.clusters = 2, verbose = FALSE),
      error = function(e) "caught", interrupt = function(i) "caught"
    )
    expect_equal(caught, "caught")
    expect_identical(object, before)
  }
  local_fake_core()
  local_stand_ins(cluster_core = stop_with(simpleError("no clusters")))
  expect_warning(object <- RunSMART(object, n.clusters = 2, verbose = FALSE), "no clusters")
  expect_equal(nrow(object[["smart"]]), ncol(object))
  expect_equal(SeuratObject::Idents(object), SeuratObject::Idents(before))
})

test_that("the state of R's random numbers is left alone", {
  local_fake_core()
  object <- small()
  set.seed(1)
  before <- .Random.seed
  RunSMART(object, n.clusters = 2, verbose = FALSE)
  small()
  expect_identical(.Random.seed, before)
  rm(".Random.seed", envir = globalenv())
  small()
  expect_false(exists(".Random.seed", globalenv()))
})

test_that("what the user asks of the core arrives there", {
  seen <- local_fake_core()
  RunSMART(
    small(),
    seed.use = 7, check.counts = FALSE, preset = "paper", n.neighbors = 4, lam = 0.3,
    verbose = FALSE
  )
  expect_equal(
    seen$dots[c("seed.use", "check.counts", "preset", "n.neighbors", "lam", "verbose")],
    list(
      seed.use = 7, check.counts = FALSE, preset = "paper", n.neighbors = 4, lam = 0.3,
      verbose = FALSE
    )
  )
  RunSMART(small(), n.clusters = 2, cluster.method = "kmeans", verbose = FALSE)
  expect_equal(seen$method, "kmeans")
})

test_that("FindSMARTClusters clusters an embedding that is there", {
  local_fake_core()
  object <- small()
  result <- RunSMART(object, verbose = FALSE)
  expect_message(
    found <- FindSMARTClusters(result, 3, cluster.name = "three"),
    "Found 3 domains of 8 to 9 cells: column `three`, now the identities"
  )
  expect_equal(levels(found$three), c("0", "1", "2"))
  expect_equal(SeuratObject::Idents(found), found$three)
  command <- SeuratObject::Command(found, "FindSMARTClusters")
  expect_equal(command@params$n.clusters, 3)
  expect_equal(command@assay.used, "Spatial")
  expect_snapshot({
    error_message(FindSMARTClusters(object, 3))
    error_message(FindSMARTClusters(result))
    error_message(FindSMARTClusters(result, 3, reduction = "pca"))
    error_message(FindSMARTClusters(result, 100))
    error_message(FindSMARTClusters(result, 3, cluster.name = "smart"))
  })
})

test_that("cells in no modality get no cluster, and no identity, as FindClusters() gives them", {
  skip_if_not(seurat_5(), "assays with different cells need SeuratObject 5")
  local_fake_core()
  object <- partial_seurat()
  SeuratObject::Idents(object) <- rep(c("before", "other"), 6)
  result <- RunSMART(object, assays = "ADT", n.clusters = 2, verbose = FALSE)
  expect_equal(rownames(result[["smart"]]), paste0("c", 1:8))
  expect_equal(sum(is.na(result$smart_clusters)), 4)
  expect_equal(is.na(result$smart.contribution.protein), 1:12 > 8, ignore_attr = TRUE)
  # What Seurat itself makes of a column with missing values.
  oracle <- object
  oracle$mine <- result$smart_clusters
  SeuratObject::Idents(oracle) <- "mine"
  expect_equal(SeuratObject::Idents(result), SeuratObject::Idents(oracle))
  expect_false(any(c("before", "other") %in% SeuratObject::Idents(result)))
  again <- FindSMARTClusters(result, 3, verbose = FALSE)
  expect_equal(sum(is.na(again$smart_clusters)), 4)
  expect_false(any(c("before", "other") %in% SeuratObject::Idents(again)))
})

test_that("clusters of another reduction have a column of their own", {
  local_fake_core()
  first <- RunSMART(small(), n.clusters = 4, verbose = FALSE)
  both <- RunSMART(
    first,
    assays = "Spatial", n.clusters = 2, reduction.name = "smart.rna", verbose = FALSE
  )
  expect_identical(both$smart_clusters, first$smart_clusters)
  expect_equal(nlevels(both$smart.rna_clusters), 2)
  expect_equal(SeuratObject::Idents(both), both$smart.rna_clusters)
  expect_true(all(
    c("smart.contribution.protein", "smart.rna.contribution.rna") %in% colnames(both[[]])
  ))
})

test_that("a second run leaves no contribution of a modality that it had not", {
  local_fake_core()
  both <- RunSMART(small(), verbose = FALSE)
  alone <- RunSMART(both, assays = "Spatial", verbose = FALSE)
  expect_equal(grep("contribution", colnames(alone[[]]), value = TRUE), "smart.contribution.rna")
})

test_that("an invalid object is refused before anything is computed", {
  seen <- local_fake_core()
  object <- small()
  attr(object, "active.assay") <- 1
  expect_error(methods::validObject(object))
  expect_error(RunSMART(object, verbose = FALSE), "object is not valid.*UpdateSeuratObject")
  expect_null(seen$coords)
})

test_that("a finished result is not lost to options(warn = 2)", {
  object <- small()
  local_fake_core()
  local_stand_ins(cluster_core = function(...) stop("no clusters"))
  result <- withr::with_options(list(warn = 2), {
    expect_warning(
      kept <- RunSMART(object, n.clusters = 2, verbose = FALSE),
      "The embedding is there, but no clusters"
    )
    kept
  })
  expect_equal(nrow(result[["smart"]]), 25)
})

test_that("after merge() a reduction without its record can be run again, and its plots say why", {
  skip_if_not_installed("ggplot2")
  local_fake_core()
  one <- RunSMART(small(), n.clusters = 3, verbose = FALSE)
  other <- SeuratObject::RenameCells(
    RunSMART(small(seed.use = 2), n.clusters = 3, verbose = FALSE),
    add.cell.id = "b"
  )
  merged <- suppressWarnings(merge(one, other, merge.dr = "smart"))
  expect_equal(nrow(merged[["smart"]]), 50)
  expect_error(SMARTLossPlot(merged), "merge.*drops it.*SMARTMerge")
  expect_equal(levels(SMARTContributionPlot(merged)$data$group), c("0", "1", "2"))
  places <- matrix(1:100, 50, dimnames = list(colnames(merged), NULL))
  again <- RunSMART(merged, coords = places, n.clusters = 2, verbose = FALSE)
  expect_equal(nrow(SeuratObject::Misc(again[["smart"]])$history), 2)
})

test_that("columns of the user's are not overwritten", {
  local_fake_core()
  run <- function(column, ..., value = "mine") {
    object <- small()
    if (!is.null(value)) object[[column]] <- value
    RunSMART(object, ..., verbose = FALSE)
  }
  expect_snapshot({
    error_message(run("smart.contribution.rna"))
    error_message(run("smart_clusters", n.clusters = 2))
    error_message(run("domain", n.clusters = 2, cluster.name = "domain", value = NULL))
    error_message(run("x", n.clusters = 2, cluster.name = "smart.contribution.rna"))
  })
  # What merge() leaves of clusters is text of numbers.
  kept <- run("smart_clusters", n.clusters = 2, value = "1")
  expect_equal(levels(kept$smart_clusters), c("0", "1"))

  skip_if_not_installed("SingleCellExperiment")
  sce <- SimulateSMART(n.rows = 5, n.cols = 5, class = "SingleCellExperiment")
  expect_error(
    RunSMART(sce, n.clusters = 2, cluster.name = "domain", verbose = FALSE), "no clusters of SMART"
  )
})

test_that("reductions whose columns would be called alike are an error", {
  local_fake_core()
  result <- RunSMART(small(), verbose = FALSE)
  expect_error(
    RunSMART(result, reduction.name = "SMART", verbose = FALSE), "share the columns of the metadata"
  )
})

test_that("an object made by Seurat 5 is named as such", {
  skip_if(seurat_5(), "Seurat 5 reads it")
  object <- small()
  newer <- structure(list(), class = structure("Assay5", package = "SeuratObject"))
  methods::slot(object, "assays")$Spatial <- newer
  expect_error(RunSMART(object, verbose = FALSE), "made by Seurat 5")
})

test_that("features that are not there are named", {
  local_fake_core()
  expect_warning(
    RunSMART(small(), features = c("Gene1", "Gene2", "nope"), verbose = FALSE),
    "1 of 3 `features` are in no assay used .first: \"nope\""
  )
  expect_warning(
    RunSMART(small(), features = list(rna = c("Gene1", "nope")), verbose = FALSE),
    "1 of 2 `features` are not in assay \"Spatial\""
  )
})
