# What would compute, or read counts, must not be reached.
local_no_core <- function(frame = parent.frame()) {
  local_stand_ins(
    core = function(...) stop("Python was started"),
    assay_counts = function(...) stop("counts were read"),
    experiment_counts = function(...) stop("counts were read"),
    join_parts = function(...) stop("counts were read"),
    frame = frame
  )
}

local_unread_counts <- function(frame = parent.frame()) {
  local_stand_ins(
    assay_counts = function(...) stop("counts were read"),
    experiment_counts = function(...) stop("counts were read"),
    join_parts = function(...) stop("counts were read"),
    frame = frame
  )
}

two_assays <- function() {
  object <- small_seurat()
  object[["ADT"]] <- SeuratObject::CreateAssayObject(
    counts = small_counts(genes = paste0("P", 1:6), seed = 2)
  )
  places <- small_places()
  object$x <- places$x
  object$y <- places$y
  object
}

two_matrices <- function() {
  list(gex = small_counts(), adt = small_counts(genes = paste0("P", 1:6), seed = 2))
}

test_that("what was meant comes before the list of all, in every method", {
  skip_without_core()
  local_unread_counts()
  object <- two_assays()
  meant <- c(
    k = "n.clusters", K = "n.clusters", nclust = "n.clusters", n_clusters = "n.clusters",
    slot = "layer", group.by = "section.by", split.by = "section.by",
    group.by.vars = "batch.by", reduction.use = "reduction", dims.use = "dims",
    ndims = "n.comps", npcs = "n.comps", n.pcs = "n.comps", seeed.use = "seed.use",
    lambda = "lam", lamda = "lam", epoch = "epochs", n.neighbours = "n.neighbors",
    latent.dims = "latent.dim", Harmony.Theta = "harmony.theta", coord_cols = "coord.cols",
    algorithm = "cluster.method", gpu = "device"
  )
  places <- as.matrix(small_places())
  for (given in names(meant)) {
    arguments <- stats::setNames(list(object, 1, FALSE), c("", given, "verbose"))
    wanted <- "Unknown argument: `%s`.*Did you mean `%s`\\?.*`preset`"
    wanted <- sprintf(wanted, given, meant[[given]])
    expect_error(do.call(RunSMART, arguments), wanted)
    arguments[[1]] <- list(a = object, b = object)
    expect_error(do.call(RunSMART, arguments), wanted)
    # What only objects have, matrices cannot mean.
    if (!meant[[given]] %in% c("layer", "reduction", "dims", "coord.cols")) {
      arguments[[1]] <- two_matrices()
      arguments$coords <- places
      expect_error(do.call(RunSMART, arguments), wanted)
    }
  }
  expect_error(RunSMART(object, k = 4, foo = 1), "`k` and `foo`.*`n.clusters` by `k`\\?")
  expect_no_match(
    tryCatch(RunSMART(object, zzz = 4), error = conditionMessage), "Did you mean"
  )
})

test_that("SingleCellExperiment, clusters and memberships do it, too", {
  skip_without_core()
  skip_if_not_installed("SingleCellExperiment")
  local_unread_counts()
  sce <- SingleCellExperiment::SingleCellExperiment(
    list(counts = small_counts()),
    colData = S4Vectors::DataFrame(small_places())
  )
  expect_error(RunSMART(sce, k = 4, modalities = "rna"), "Did you mean `n.clusters`")
  expect_error(RunSMART(sce, n.comps = c(prot = 4), modalities = "rna"), "`n.comps` names \"prot\"")
  x <- matrix(stats::rnorm(60), 20)
  expect_error(FindSMARTClusters(x, k = 4), "Did you mean `n.clusters`")
  expect_error(FindSMARTClusters(x, 4, algorithm = 4), "Did you mean `method`")
  expect_error(FindSMARTClusters(x, 4, dims = 1:4), "Did you mean `n.pcs`")
  expect_error(FindSMARTClusters(x, 4, random.seed = 4), "Did you mean `seed.use`")
  expect_error(FindSMARTClusters(x, 4, k.param = 4), "Did you mean `n.neighbors`")
  object <- two_assays()
  expect_error(SMARTMemberships(object, group.by = "a"), "Did you mean `cluster.name`")
  expect_error(SMARTMemberships(object, 1, 2, 3), "(without a name)", fixed = TRUE)
})

test_that("what R can tell is told before Python starts and counts are read", {
  local_no_core()
  object <- two_assays()
  run <- function(...) RunSMART(object, ...)
  expect_snapshot({
    error_message(run(modalities = c(RNA = "rna", ADT = "antibody")))
    error_message(run(modalities = c("ATAC", "ADT")))
    error_message(run(assays = c("Spatial", "ADT")))
    error_message(run(assays = "ATD"))
    error_message(run(assays = list("RNA")))
    error_message(run(n.comps = c(rna = 20, prot = 5)))
    error_message(run(n.comps = c(rna = 20, RNA = 5)))
    error_message(run(n.comps = 0))
    error_message(run(n.features = "all"))
    error_message(run(min.spots = -1))
    error_message(run(clr = "cell"))
    error_message(run(alpha = 2))
    error_message(run(alpha = c(protien = 2)))
    error_message(run(layer = c(RNA = "counts", antibodies = "counts")))
    error_message(run(features = list(rna = "G1", protin = "P1")))
    error_message(run(features = character()))
    error_message(run(section.by = "orig_ident"))
    error_message(run(coord.cols = c("X", "Y")))
    error_message(run(cluster.method = "kmean"))
    error_message(run(verbose = NULL))
    error_message(run(seed.use = "a"))
    error_message(run(preset = list(1)))
  })
  expect_error(run(), "Python was started")
})

test_that("values that only the core knows are refused before counts are read", {
  skip_without_core()
  local_unread_counts()
  object <- two_assays()
  run <- function(...) RunSMART(object, ...)
  expect_snapshot({
    error_message(run(preset = "Robust"))
    error_message(run(device = "gpu"))
    error_message(run(device = "mps"))
    error_message(run(epochs = -1))
    error_message(run(lr = "x"))
    error_message(run(section.triplets = "accross"))
    error_message(run(alpha = c(RNA = -1)))
  })
  # As for Python itself.
  params <- reticulate::import("smartcore.params")
  expect_error(params$resolve_params("robust", list(epochs = -1L)), "epochs=-1 must be")
  expect_error(run(epochs = 5), "counts were read")
  expect_error(RunSMART(list(object, object), epochs = -1), "epochs = -1 must be")
  expect_error(
    RunSMART(two_matrices(), coords = as.matrix(small_places()), epochs = -1), "epochs = -1 must be"
  )
})

test_that("capitals in modalities are no matter", {
  expect_identical(match_modalities(c("a", "b"), c(b = "RNA", a = "Protein")), c("protein", "rna"))
  kinds <- matrix_kinds(list(a = matrix(1), b = matrix(1)), c(a = "PCS", b = "RNA"))
  expect_identical(unname(kinds), c("pcs", "rna"))
})

test_that("all that can be named is named by assay or by modality", {
  skip_without_core()
  data <- quarters()
  object <- SeuratObject::CreateSeuratObject(data$rna, assay = "Spatial")
  object[["ADT"]] <- SeuratObject::CreateAssayObject(counts = data$protein)
  object$x <- data$coords[, "x"]
  object$y <- data$coords[, "y"]
  run <- function(object, ...) RunSMART(object, epochs = 2, verbose = FALSE, ...)
  genes <- paste0("gene", 1:40)
  by_assay <- run(
    object,
    n.comps = c(Spatial = 8, ADT = 4), n.features = c(Spatial = Inf), min.spots = c(Spatial = 3),
    alpha = c(ADT = 2), features = list(Spatial = genes), layer = c(Spatial = "counts")
  )
  by_modality <- run(
    object,
    n.comps = c(rna = 8, protein = 4), n.features = list(rna = Inf), min.spots = c(rna = 3),
    alpha = c(protein = 2), features = list(rna = genes), layer = c(rna = "counts"),
    modalities = c(Spatial = "RNA", ADT = "protein")
  )
  embedding <- function(object) SeuratObject::Embeddings(object[["smart"]])
  expect_identical(embedding(by_assay), embedding(by_modality))
  alone <- run(object)
  expect_false(identical(embedding(by_assay), embedding(alone)))
  params <- SeuratObject::Misc(by_assay[["smart"]])$params
  expect_identical(params$alpha, list(protein = 2))

  matrices <- stats::setNames(data[c("rna", "protein")], c("gex", "adt"))
  of_matrices <- function(name) {
    run(
      matrices,
      coords = data$coords, modalities = c("rna", "protein"),
      n.comps = stats::setNames(c(8, 4), name), min.spots = stats::setNames(3, name[1]),
      features = stats::setNames(list(genes), name[1]), alpha = stats::setNames(2, name[2])
    )$embedding
  }
  expect_identical(of_matrices(c("gex", "adt")), of_matrices(c("rna", "protein")))
  expect_identical(unname(of_matrices(c("gex", "adt"))), unname(embedding(by_assay)))

  sections <- list(a = object, b = object)
  of_list <- function(name) {
    lapply(run(
      sections,
      n.comps = stats::setNames(c(8, 4), name), features = stats::setNames(list(genes), name[1])
    ), embedding)
  }
  expect_identical(of_list(c("Spatial", "ADT")), of_list(c("rna", "protein")))
})

test_that("so are reductions and their dimensions", {
  object <- two_assays()
  cells <- colnames(object)
  withr::local_seed(1)
  pcs <- matrix(stats::rnorm(60), 12, dimnames = list(cells, paste0("PC_", 1:5)))
  object[["pca"]] <- SeuratObject::CreateDimReducObject(pcs, key = "PC_", assay = "RNA")
  seen <- local_fake_core()
  for (name in c("RNA", "rna")) {
    RunSMART(
      object,
      assays = c("RNA", "ADT"), reduction = stats::setNames("pca", name),
      dims = stats::setNames(list(2:4), name), verbose = FALSE
    )
    expect_identical(bare(seen$modalities$rna$pcs), bare(pcs[, 2:4]))
    expect_null(seen$modalities$protein$pcs)
  }
  expect_error(
    RunSMART(object, assays = c("RNA", "ADT"), reduction = c(gene = "pca")),
    "`reduction` names \"gene\", which is neither"
  )
  expect_error(RunSMART(object, reduction = "pcaa"), "Did you mean \"pca\"")
})

test_that("the nearest name is found by name, beginning or letters that differ", {
  there <- c("n.clusters", "cluster.name", "seed.use", "lam", "RNA")
  near <- function(given) nearest_name(given, there)
  expect_identical(near("N_Clusters"), "n.clusters")
  expect_identical(near("n.clsters"), "n.clusters")
  expect_identical(near("seed"), "seed.use")
  expect_identical(near("rna"), "RNA")
  expect_identical(near("lamda"), "lam")
  expect_identical(near("zzzz"), NA_character_)
  expect_identical(near(""), NA_character_)
  expect_identical(nearest_name("a", character()), NA_character_)
  expect_null(did_you_mean("zzzz", there))
  expect_null(did_you_mean(4, there))
  # The nearest by brute force, where no name or beginning says it.
  withr::local_seed(1)
  words <- c("epochs", "margin", "radius", "device", "encoder", "regions")
  for (word in words) {
    letters <- strsplit(word, "")[[1]]
    letters[2] <- "q"
    expect_identical(nearest_name(paste(letters, collapse = ""), words), word)
  }
})

test_that("errors on one modality name its assay", {
  skip_without_core()
  data <- quarters()
  object <- SeuratObject::CreateSeuratObject(data$rna, assay = "Spatial")
  object[["ADT"]] <- SeuratObject::CreateAssayObject(counts = data$protein * 0)
  object$x <- data$coords[, "x"]
  object$y <- data$coords[, "y"]
  expect_error(RunSMART(object, epochs = 2, verbose = FALSE), "^ADT \\(protein\\): No protein is")
  pcs <- matrix(stats::rnorm(240 * 3), 240, dimnames = list(colnames(object), paste0("PC_", 1:3)))
  pcs[7, 2] <- NA
  object[["pca"]] <- SeuratObject::CreateDimReducObject(pcs, key = "PC_", assay = "Spatial")
  expect_error(
    RunSMART(object, reduction = "pca", verbose = FALSE),
    "pca \\(rna\\): 1 of 240 cells has components that are missing .*first: \"cell7\""
  )
})

test_that("advice on counts tells normalised values from corrected ones", {
  counts <- quarters()$rna
  normalised <- log1p(Matrix::t(Matrix::t(counts) / Matrix::colSums(counts)) * 1e4)
  withr::local_seed(1)
  corrected <- counts
  corrected@x <- corrected@x * stats::runif(length(corrected@x), 0.7, 1)
  advice <- function(x) tryCatch(check_whole(x, "RNA"), error = conditionMessage)
  expect_match(advice(normalised), "They look normalised")
  expect_no_match(advice(normalised), "check.counts")
  expect_match(advice(corrected), "check.counts = FALSE.*SoupX")
  expect_no_match(advice(corrected), "They look normalised")
  expect_match(advice(log1p(counts)), "They look normalised")
  skip_if_not_installed("Seurat")
  expect_match(advice(Seurat::NormalizeData(counts, verbose = FALSE)), "They look normalised")
})

test_that("the code that advice gives does what it says", {
  object <- two_assays()
  follow <- function(cnd, object, coords = NULL) {
    code <- regmatches(cnd, regexpr("object <- .*(?=`\\.)", cnd, perl = TRUE))
    env <- new.env(parent = asNamespace("SeuratObject"))
    env$object <- object
    env$coords <- coords
    # Seurat 5 warns of checks that it leaves out.
    suppressWarnings(eval(parse(text = gsub("\n *", " ", code)), env))
    colnames(env$object)
  }
  message_of <- function(...) {
    rlang::cnd_message(tryCatch(RunSMART(..., verbose = FALSE), error = identity))
  }
  withr::local_options(cli.width = 1000)
  object$x[3] <- NA
  expect_identical(follow(message_of(object), object), paste0("c", c(1:2, 4:12)))
  coords <- as.matrix(small_places())[-5, ]
  coords[1, 2] <- NA
  cnd <- message_of(object, coords = coords)
  expect_identical(follow(cnd, object, coords), paste0("c", c(2:4, 6:12)))
  object <- small_seurat()
  object <- add_image(object, "fov", small_field(small_places()[-c(2, 9), ]))
  expect_setequal(follow(message_of(object), object), paste0("c", c(1, 3:8, 10:12)))
  skip_if_not_installed("SingleCellExperiment")
  places <- small_places()
  places$y[2] <- NA
  sce <- SingleCellExperiment::SingleCellExperiment(
    list(counts = small_counts()),
    colData = S4Vectors::DataFrame(places)
  )
  code <- places_sce(sce, colnames(sce))$keep
  env <- list2env(list(object = sce, colData = SummarizedExperiment::colData))
  env$complete.cases <- stats::complete.cases
  eval(parse(text = code), env)
  expect_identical(colnames(env$object), paste0("c", c(1, 3:12)))
})
