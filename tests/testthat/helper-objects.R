# Objects and stand-ins for the tests of what goes into and comes out of user's objects.

seurat_5 <- function() utils::packageVersion("SeuratObject") >= "5.0.0"

# Run what follows in the caller with functions of the package replaced.
local_stand_ins <- function(..., frame = parent.frame()) {
  new <- list(...)
  where <- asNamespace("SpatialSMART")
  old <- mget(names(new), envir = where)
  put <- function(values) {
    for (name in names(values)) {
      unlock <- get("unlockBinding", baseenv())
      unlock(name, where)
      assign(name, values[[name]], envir = where)
      lockBinding(name, where)
    }
  }
  put(new)
  # The last ones are put back first: those before may be stand-ins, too.
  do.call(on.exit, list(bquote(.(put)(.(old))), add = TRUE, after = FALSE), envir = frame)
}

# A core that computes nothing: it keeps what it was given, and its embedding is the
# coordinates and a number for each cell.
local_fake_core <- function(contributions = 0.5, frame = parent.frame()) {
  seen <- new.env()
  local_stand_ins(
    # It asks the core.
    check_settings = function(...) NULL,
    run_core = function(modalities, coords, sections = NULL, batches = NULL, ...) {
      seen$modalities <- modalities
      seen$coords <- coords
      seen$sections <- sections
      seen$batches <- batches
      seen$dots <- list(...)
      embedding <- cbind(coords[, 1:2], seq_len(nrow(coords)))
      dimnames(embedding) <- list(rownames(coords), NULL)
      list(
        embedding = embedding,
        history = data.frame(epoch = 1:2, total = c(2, 1)),
        params = list(epochs = 2L),
        n.triplets = stats::setNames(rep(7L, length(modalities)), names(modalities)),
        contributions = matrix(
          contributions, nrow(coords), length(modalities),
          dimnames = list(rownames(coords), names(modalities))
        ),
        versions = list(SpatialSMART = "0", smartcore = "0")
      )
    },
    cluster_core = function(embedding, n.clusters, method = NULL, seed.use = 42, ...) {
      seen$method <- method
      clusters <- factor((seq_len(nrow(embedding)) - 1) %% n.clusters)
      names(clusters) <- rownames(embedding)
      list(clusters = clusters, record = list(method = "stand-in", n.clusters = n.clusters))
    },
    frame = frame
  )
  seen
}

# The text of an error, the same under all versions of testthat.
error_message <- function(expr) {
  cnd <- tryCatch(
    {
      force(expr)
      NULL
    },
    error = identity
  )
  if (is.null(cnd)) {
    cat("No error.\n")
  } else if (!inherits(cnd, "rlang_error")) {
    cat("An error that is not ours:", conditionMessage(cnd), "\n")
  } else {
    cat("Error in ", deparse(conditionCall(cnd)), "\n", rlang::cnd_message(cnd), "\n", sep = "")
  }
}

# Counts of 30 genes in 12 cells.
small_counts <- function(cells = paste0("c", 1:12), genes = paste0("G", 1:30), seed = 1) {
  set.seed(seed)
  x <- matrix(rpois(length(genes) * length(cells), 1), length(genes))
  dimnames(x) <- list(genes, cells)
  methods::as(methods::as(x, "CsparseMatrix"), "generalMatrix")
}

small_seurat <- function(counts = small_counts(), assay = "RNA", ...) {
  SeuratObject::CreateSeuratObject(counts, assay = assay, ...)
}

small_places <- function(cells = paste0("c", 1:12)) {
  data.frame(x = seq_along(cells) * 10, y = rep(1:3, length.out = length(cells)), row.names = cells)
}

# A field of view with centroids, outlines (squares of side 2 about them), or both.
small_field <- function(places, centroids = TRUE, outlines = FALSE, key = "fov_") {
  boundaries <- list()
  if (outlines) {
    corners <- do.call(rbind, lapply(rownames(places), function(cell) {
      data.frame(
        x = places[cell, "x"] + c(-1, 1, 1, -1), y = places[cell, "y"] + c(-1, -1, 1, 1),
        cell = cell
      )
    }))
    boundaries$segmentation <- SeuratObject::CreateSegmentation(corners)
  }
  if (centroids) {
    places$cell <- rownames(places)
    boundaries$centroids <- SeuratObject::CreateCentroids(places[c("x", "y", "cell")])
  }
  SeuratObject::CreateFOV(boundaries, type = names(boundaries), assay = "RNA", key = key)
}

expect_places <- function(found, places) {
  places <- as.matrix(places)
  expect_setequal(rownames(found), rownames(places))
  expect_equal(unname(found[rownames(places), ]), unname(places))
}

# Seurat 5 warns of the order of cells in images, and of checks it leaves out.
add_image <- function(object, name, image) {
  suppressWarnings(object[[name]] <- image)
  object
}

# Of 12 cells, 8 have protein (Seurat 5 alone).
partial_seurat <- function(protein = paste0("c", 1:8)) {
  cells <- paste0("c", 1:12)
  suppressWarnings({
    object <- SeuratObject::CreateSeuratObject(small_counts(cells), assay = "RNA")
    object[["ADT"]] <- seurat5_function("CreateAssay5Object")(
      small_counts(protein, paste0("P", 1:6))
    )
  })
  places <- small_places()
  object$x <- places$x
  object$y <- places$y
  object
}

get_counts <- function(object, assay) read_layer(object[[assay]], "counts")

# A folder that is not there yet and goes with the session.
new_folder <- function() tempfile("smart")

bare <- function(x) unname(as.matrix(x))

# What RunSMART() gives for matrices, of six cells.
fake_result <- function() {
  cells <- paste0("cell", 1:6)
  structure(list(
    embedding = matrix(0, 6, 2, dimnames = list(cells, NULL)),
    clusters = stats::setNames(factor(rep(c("0", "1"), c(4, 2))), cells),
    tool = "SpatialSMART",
    history = data.frame(
      epoch = 1:3, total = c(3, 2, 1), reconstruction = c(2, 1, 0.5), triplet = c(1, 0.5, 0),
      reconstruction_rna = c(1, 0.5, 0.2), reconstruction_my_protein = c(1, 0.5, 0.3),
      triplet_rna = c(0.5, 0.5, 0), triplet_my_protein = c(0.5, 0, 0)
    ),
    contributions = matrix(
      c(1:6, NA, 2:6) / 10, 6, 2,
      dimnames = list(cells, c("rna", "my_protein"))
    )
  ), class = "SMARTResult")
}
