# One object from sections that were embedded together.

skip_if_not_installed("Seurat")

small <- function(seed = 1, ...) SimulateSMART(n.rows = 4, n.cols = 4, seed.use = seed, ...)
pair <- function(...) list(a = small(1, ...), b = small(2, ...))
run <- function(object, ...) RunSMART(object, ..., verbose = FALSE)
merged <- function(object, ..., section.name = "from") {
  run(object, ..., merge = TRUE, section.name = section.name)
}

# Seurat 5 says that it leaves out checks of images.
split_sections <- function(object) {
  suppressWarnings(Seurat::SplitObject(object, split.by = "section"))
}

test_that("Seurat objects are merged as Seurat does, with the joint result", {
  local_fake_core()
  both <- small(n.sections = 2)
  sections <- split_sections(both)
  sections <- run(sections, n.clusters = 12)
  one <- SMARTMerge(sections, verbose = FALSE)
  expect_true(methods::validObject(one))
  oracle <- merge(sections$slice1, sections$slice2)
  expect_equal(colnames(one), colnames(oracle))
  expect_equal(SeuratObject::Assays(one), SeuratObject::Assays(oracle))
  for (assay in c("Spatial", "ADT")) {
    of_one <- filled_layers(one[[assay]])
    expect_equal(of_one, filled_layers(oracle[[assay]]))
    for (layer in of_one) {
      expect_equal(read_layer(one[[assay]], layer), read_layer(oracle[[assay]], layer))
    }
  }
  expect_equal(SeuratObject::DefaultAssay(one), "Spatial")

  # Factors stay so, which Seurat makes text of.
  expect_equal(one$domain, both$domain[colnames(one)])
  expect_equal(as.character(one$section), unname(both$section[colnames(one)]))

  reduction <- one[["smart"]]
  for (section in sections) {
    expect_identical(
      SeuratObject::Embeddings(reduction)[colnames(section), ],
      SeuratObject::Embeddings(section, "smart")
    )
    expect_equal(
      as.character(one$smart_clusters[colnames(section)]), as.character(section$smart_clusters)
    )
  }
  expect_equal(
    SeuratObject::Stdev(reduction), unname(apply(SeuratObject::Embeddings(reduction), 2, sd))
  )
  expect_equal(SeuratObject::Key(reduction), SeuratObject::Key(sections$slice1[["smart"]]))
  expect_true(SeuratObject::IsGlobal(reduction))
  # By numbers, where text would have "10" before "2".
  expect_identical(levels(one$smart_clusters), as.character(0:11))
  expect_identical(SeuratObject::Idents(one), one$smart_clusters)
  expect_setequal(SeuratObject::Command(one), c("RunSMART", "SMARTMerge"))

  record <- SeuratObject::Misc(reduction)
  parts <- lapply(sections, function(section) SeuratObject::Misc(section[["smart"]]))
  expect_identical(record, parts[[1]])
  for (column in c("smart.contribution.rna", "smart.contribution.protein")) {
    expect_identical(
      unname(one[[column, drop = TRUE]]),
      unlist(lapply(unname(sections), function(section) unname(section[[column, drop = TRUE]])))
    )
  }
})

test_that("images stay with their sections, those without cells go", {
  local_fake_core()
  both <- small(n.sections = 2)
  sections <- split_sections(both)
  # Seurat 4 leaves the image of the other section there.
  # There is nothing to tell.
  expect_silent(one <- SMARTMerge(run(sections)))
  expect_setequal(SeuratObject::Images(one), c("slice1", "slice2"))
  for (image in c("slice1", "slice2")) {
    expect_setequal(SeuratObject::Cells(one[[image]]), colnames(sections[[image]]))
    expect_places(image_coordinates(one[[image]]), image_coordinates(both[[image]]))
  }
  keys <- vapply(SeuratObject::Images(one), function(image) SeuratObject::Key(one[[image]]), "")
  expect_identical(anyDuplicated(keys), 0L)
  # Each plots its own section.
  plots <- Seurat::SpatialDimPlot(one, group.by = "domain", combine = FALSE)
  expect_length(plots, 2)
  for (plot in plots) expect_equal(nrow(ggplot2::layer_data(plot)), 16)
})

test_that("names that occur twice get their section, others stay", {
  local_fake_core()
  objects <- pair()
  expect_equal(colnames(objects$a), colnames(objects$b))
  expect_message(
    one <- SMARTMerge(run(objects), section.name = "from"), "now \"a_slice1_000x000\"",
    fixed = TRUE
  )
  old <- colnames(objects$a)
  expect_equal(colnames(one), c(paste0("a_", old), paste0("b_", old)))
  expect_equal(as.character(one$from), rep(c("a", "b"), each = 16))
  expect_setequal(SeuratObject::Images(one), c("slice1.a", "slice1.b"))
  for (name in c("a", "b")) {
    found <- image_coordinates(one[[paste0("slice1.", name)]])
    before <- image_coordinates(objects[[name]][["slice1"]])
    rownames(before) <- paste(name, rownames(before), sep = "_")
    expect_places(found, before)
  }
  # One cell of the same name is enough.
  some <- SeuratObject::RenameCells(objects$b, new.names = c(old[1], paste0("x", 2:16)))
  one <- merged(list(a = objects$a, b = some))
  expect_equal(colnames(one)[17:18], c(paste0("b_", old[1]), "b_x2"))
  none <- SeuratObject::RenameCells(objects$b, new.names = paste0("x", 1:16))
  expect_silent(one <- merged(list(a = objects$a, b = none)))
  expect_equal(colnames(one), c(old, paste0("x", 1:16)))
})

test_that("RunSMART() merges by itself, and what it makes can be embedded again", {
  seen <- local_fake_core()
  one <- merged(pair(), n.clusters = 3)
  again <- SMARTMerge(run(pair(), n.clusters = 3), section.name = "from", verbose = FALSE)
  expect_equal(one[["smart"]]@cell.embeddings, again[["smart"]]@cell.embeddings)
  expect_equal(one[[]], again[[]])
  named <- merged(
    pair(),
    n.clusters = 3, reduction.name = "paper", reduction.key = "PAPER_", cluster.name = "domains"
  )
  expect_equal(SeuratObject::Reductions(named), "paper")
  expect_equal(unname(SeuratObject::Idents(named)), unname(named$domains))
  result <- run(one, section.by = "from", reduction.name = "again")
  expect_equal(unname(seen$sections), as.character(one$from))
  expect_equal(rownames(seen$coords), colnames(one))
  counts <- input_parts(seen$modalities$rna)
  expect_equal(unname(do.call(cbind, lapply(counts, as.matrix))), cbind(
    bare(get_counts(small(1), "Spatial")), bare(get_counts(small(2), "Spatial"))
  ))
  expect_s4_class(merged(list(only = small())), "Seurat")
})

test_that("what is of one section alone is dropped, aloud", {
  local_fake_core()
  objects <- lapply(pair(), function(object) {
    x <- matrix(1:32, 16, dimnames = list(colnames(object), paste0("PC_", 1:2)))
    object[["pca"]] <- SeuratObject::CreateDimReducObject(x, assay = "Spatial", key = "PC_")
    object
  })
  expect_message(
    one <- SMARTMerge(run(objects), section.name = "from"),
    "Not in the merged object: reductions pca"
  )
  expect_equal(SeuratObject::Reductions(one), "smart")
})

test_that("an object may lack a modality, or cells", {
  local_fake_core()
  objects <- pair()
  objects$b[["ADT"]] <- NULL
  one <- merged(objects, assays = c("Spatial", "ADT"))
  expect_equal(nrow(SeuratObject::Embeddings(one, "smart")), 32)
  expect_setequal(SeuratObject::Assays(one), c("Spatial", "ADT"))
  # Cells that went since then are in no part of it.
  sections <- run(pair(), n.clusters = 3)
  sections$a <- suppressWarnings(subset(sections$a, cells = colnames(sections$a)[1:5]))
  one <- SMARTMerge(sections, section.name = "from", verbose = FALSE)
  expect_equal(ncol(one), 21)
  expect_false(anyNA(one$smart.contribution.rna))
})

test_that("clusters that were found for one section alone are not joint", {
  local_fake_core()
  sections <- run(pair(), n.clusters = 3)
  sections$a <- FindSMARTClusters(sections$a, 5, cluster.name = "own", verbose = FALSE)
  one <- SMARTMerge(sections, section.name = "from", verbose = FALSE)
  expect_named(SeuratObject::Misc(one[["smart"]])$clustering, "smart_clusters")
  expect_equal(unname(SeuratObject::Idents(one)), unname(one$smart_clusters))
  expect_snapshot(
    error_message(SMARTMerge(sections, section.name = "from", cluster.name = "own"))
  )
})

test_that("what cannot be merged is an error before anything is computed", {
  local_fake_core()
  local_stand_ins(run_core = function(...) stop("it was computed"))
  objects <- pair()
  expect_snapshot({
    error_message(run(objects, merge = NA))
    error_message(run(objects, merge = "yes"))
    error_message(run(objects, merge = TRUE))
    error_message(run(objects, section.name = "from"))
    error_message(run(objects, merge = TRUE, section.name = "ADT"))
    error_message(run(objects, merge = TRUE, section.name = 1))
  })
  # A column that says the same is not in the way. What fails later is not put down to merging.
  expect_error(run(list(slice1 = small()), merge = TRUE), "^it was computed")
})

test_that("objects that were not embedded together are not merged", {
  seen <- local_fake_core()
  sections <- run(pair())
  other <- run(pair())$b
  methods::slot(other[["smart"]], "misc")$history$total[1] <- 9
  expect_snapshot({
    error_message(SMARTMerge(list(a = sections$a, b = other), section.name = "from"))
    error_message(SMARTMerge(pair(), section.name = "from"))
    error_message(SMARTMerge(sections$a))
    error_message(SMARTMerge(sections, reduction = "pca", section.name = "from"))
    error_message(SMARTMerge(sections))
  })
})

test_that("an embedding is not lost where merging fails", {
  local_fake_core()
  local_stand_ins(merge_seurat = function(...) stop("no memory"))
  expect_warning(result <- merged(pair()), "could not be merged.*no memory")
  expect_named(result, c("a", "b"))
  expect_true("smart" %in% SeuratObject::Reductions(result$b))
})

# Bioconductor ----

test_that("SingleCellExperiments are merged by cbind, with the joint result", {
  skip_if_not_installed("SingleCellExperiment")
  local_fake_core()
  objects <- pair(class = "SingleCellExperiment")
  objects$b$extra <- 1:16
  SummarizedExperiment::rowData(objects$a)$mean <- 1
  SummarizedExperiment::rowData(objects$b)$mean <- 2
  for (name in c("a", "b")) {
    SummarizedExperiment::rowData(objects[[name]])$symbol <- rownames(objects$a)
    SingleCellExperiment::reducedDim(objects[[name]], "PCA") <- matrix(1, 16, 2)
    S4Vectors::metadata(objects[[name]])$notes <- name
  }
  # The order of features is no matter.
  objects$b <- objects$b[200:1, ]
  sections <- run(objects, n.clusters = 12)
  expect_message(
    one <- SMARTMerge(sections, section.name = "from"), "reducedDims PCA; columns of rowData mean"
  )
  expect_true(methods::validObject(one))
  names <- c(paste0("a_", colnames(objects$a)), paste0("b_", colnames(objects$b)))
  expect_equal(colnames(one), names)
  counts <- function(x) bare(SummarizedExperiment::assay(x, "counts"))
  expect_equal(counts(one), cbind(counts(objects$a), counts(objects$b[200:1, ])))
  adt <- function(x) SingleCellExperiment::altExp(x, "ADT")
  expect_equal(counts(adt(one)), cbind(counts(adt(objects$a)), counts(adt(objects$b))))
  expect_equal(SummarizedExperiment::rowData(one)$symbol, rownames(one))
  expect_equal(
    unname(SingleCellExperiment::reducedDim(one, "SMART")),
    unname(rbind(
      SingleCellExperiment::reducedDim(sections$a, "SMART"),
      SingleCellExperiment::reducedDim(sections$b, "SMART")
    ))
  )
  expect_equal(one$extra, c(rep(NA, 16), 1:16))
  expect_equal(as.character(one$from), rep(c("a", "b"), each = 16))
  expect_identical(levels(one$smart_clusters), as.character(0:11))
  expect_equal(
    as.character(one$smart_clusters),
    unlist(lapply(unname(sections), function(x) as.character(x$smart_clusters)))
  )
  metadata <- S4Vectors::metadata(one)
  expect_equal(sum(names(metadata) == "SMART"), 1)
  expect_equal(one$smart.contribution.rna, rep(0.5, 32))
  expect_equal(unlist(metadata[names(metadata) == "notes"], use.names = FALSE), c("a", "b"))
  expect_equal(metadata$SMART$sections, c(a = 16L, b = 16L))
  bare_names <- lapply(sections, function(x) {
    colnames(x) <- NULL
    x
  })
  expect_null(colnames(SMARTMerge(bare_names, section.name = "from", verbose = FALSE)))
})

test_that("experiments that do not fit are an error before anything is computed", {
  skip_if_not_installed("SingleCellExperiment")
  local_fake_core()
  local_stand_ins(run_core = function(...) stop("it was computed"))
  objects <- pair(class = "SingleCellExperiment")
  fewer <- objects
  fewer$b <- fewer$b[1:150, ]
  lacking <- objects
  SingleCellExperiment::altExps(lacking$b) <- list()
  proteins <- objects
  SingleCellExperiment::altExp(proteins$b, "ADT") <- SingleCellExperiment::altExp(objects$b)[1:9, ]
  expect_snapshot({
    error_message(merged(fewer))
    error_message(merged(lacking))
    error_message(merged(proteins))
    error_message(merged(objects, section.name = "domain"))
  })
})

test_that("SpatialExperiments keep samples and pictures", {
  skip_if_not_installed("SpatialExperiment")
  local_fake_core()
  objects <- pair(class = "SpatialExperiment")
  picture <- function(grey) SpatialExperiment::SpatialImage(as.raster(matrix(grey, 8, 8)))
  # The first has none, which cbind() takes for all.
  SpatialExperiment::imgData(objects$b) <- S4Vectors::DataFrame(
    sample_id = "slice1", image_id = "lowres", data = I(list(picture(0.5))), scaleFactor = 0.01
  )
  one <- merged(objects, n.clusters = 2)
  expect_s4_class(one, "SpatialExperiment")
  expect_true(methods::validObject(one))
  expect_equal(one$sample_id, rep(c("a.slice1", "b.slice1"), each = 16))
  places <- lapply(unname(objects), SpatialExperiment::spatialCoords)
  expect_equal(unname(SpatialExperiment::spatialCoords(one)), unname(do.call(rbind, places)))
  pictures <- SpatialExperiment::imgData(one)
  expect_equal(pictures$sample_id, "b.slice1")
  expect_equal(pictures$scaleFactor, 0.01)
  expect_equal(unique(as.vector(SpatialExperiment::imgRaster(one))), "#808080")
  # Unique samples keep their names.
  objects$b$sample_id <- "slice2"
  expect_equal(unique(merged(objects)$sample_id), c("slice1", "slice2"))
  other <- small(class = "SingleCellExperiment")
  expect_snapshot(error_message(merged(list(a = objects$a, b = other))))
})

# With the core ----

test_that("the merged embedding is the one of the core, and its clusters can be found again", {
  skip_without_core()
  data <- two_sections()
  objects <- lapply(data, section_seurat)
  one <- merged(objects, epochs = 5, n.clusters = 2, cluster.method = "gmm")
  there <- python_sections(data, seed = 42, epochs = 5)
  embedding <- unname(SeuratObject::Embeddings(one, "smart"))
  expect_equal(embedding, rbind(there$left, there$right))
  expect_equal(dim(SMARTMemberships(FindSMARTClusters(one, 2, verbose = FALSE))), c(128, 2))
})
