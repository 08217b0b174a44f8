#' SMART as a method of Seurat's IntegrateLayers
#'
#' For `IntegrateLayers(object, method = SMARTIntegration, coords = coords)` of Seurat 5: embeds the
#' cells of an assay whose layers were split by section, as
#' `split(object[["RNA"]], f = object$section)` does. Each layer is a section.
#' The embedding is that of [RunSMART()] on the same counts with `section.by`.
#'
#' @details
#' `IntegrateLayers()` hands over one assay, and neither the images nor the other assays of the
#' object. Coordinates therefore have to be given, and modalities in other assays are not used. For
#' several modalities, and for coordinates from the images, call
#' `RunSMART(object, section.by = "section")`: it reads split layers as they are.
#'
#' SMART starts from the raw counts in the layers `counts`, and chooses variable genes itself
#' (`n.features` of them, 3000 by default). It uses neither `orig.reduction`, which may be `NULL`,
#' nor `features`. `IntegrateLayers()` asks for features nevertheless: run `FindVariableFeatures()`,
#' or give `features = rownames(object)`.
#'
#' @param object,assay,layers What `IntegrateLayers()` hands over: an assay of class Assay5, its
#'   name, and the names of its layers, of which there must be at least two. If these are not all
#'   that the assay has, only their cells are embedded.
#' @param orig,features,scale.layer Handed over as well, and not used.
#' @param new.reduction Name of the new reduction.
#' @param reduction.key Its key. `NULL`: made from its name.
#' @param coords Coordinates of the cells: a matrix or data frame, cells x 2 or 3, with the names of
#'   the cells as rownames.
#' @param modalities What the assay is: `"rna"`, `"protein"` or `"chromatin"`. `NULL`: guessed.
#' @param counts.layer Name of the layers with raw counts, without the section.
#' @param check.counts,seed.use,verbose,... As in [RunSMART()].
#'
#' @return A list with the new reduction under its name, as `IntegrateLayers()` expects it.
#' @seealso [RunSMART()]; [FindSMARTClusters()] for the domains.
#' @concept embedding
#' @export
#' @examples
#' # It needs Seurat 5, Python and the core: see install_smartcore().
#' seurat5 <- requireNamespace("Seurat", quietly = TRUE) && packageVersion("Seurat") >= "5.0.0"
#' if (seurat5 && has_smartcore()) {
#'   object <- SimulateSMART(n.rows = 10, n.cols = 10, n.sections = 2)
#'   places <- lapply(SeuratObject::Images(object), function(image) {
#'     SeuratObject::GetTissueCoordinates(object[[image]])
#'   })
#'   places <- do.call(rbind, places)
#'   rownames(places) <- places$cell
#'   object[["Spatial"]] <- split(object[["Spatial"]], f = object$section)
#'   object <- Seurat::IntegrateLayers(
#'     object,
#'     method = SMARTIntegration, orig.reduction = NULL, features = rownames(object),
#'     coords = places[c("x", "y")], epochs = 30
#'   )
#'   object <- FindSMARTClusters(object, n.clusters = 4)
#' }
SMARTIntegration <- function(
    object,
    assay = NULL,
    layers = NULL,
    orig = NULL,
    new.reduction = "smart",
    coords = NULL,
    reduction.key = NULL,
    modalities = NULL,
    counts.layer = "counts",
    features = NULL,
    scale.layer = NULL,
    check.counts = TRUE,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  fn <- "SMARTIntegration"
  if (!has_seurat5()) {
    smart_abort(c(
      "Layers came with Seurat 5, and this is SeuratObject
       {utils::packageVersion('SeuratObject')}.",
      "i" = "{.code RunSMART(object, section.by = \"section\")} embeds sections in any version."
    ), fn = fn)
  }
  if (is.null(coords)) {
    smart_abort(c(
      "{.arg coords} is missing: the places of the cells.",
      "x" = "{.fn IntegrateLayers} hands over one assay, and neither the images nor the other assays
             of the object.",
      "i" = "Give {.arg coords}, a matrix cells x 2 with the names of the cells as rownames.",
      "i" = "Or call {.code RunSMART(object, section.by = \"section\")}, which takes coordinates
             from the images, uses all modalities, and reads split layers."
    ), fn = fn)
  }
  check_layered(object, fn)
  check_name(new.reduction, "new.reduction", fn)
  check_name(counts.layer, "counts.layer", fn)
  assay <- assay %||% sub("_$", "", SeuratObject::Key(object))
  as_ours(fn, {
    sections <- layer_sections(object, layers, counts.layer, fn)
    whole <- suppressWarnings(
      SeuratObject::CreateSeuratObject(object, assay = assay, min.cells = 0, min.features = 0)
    )
    if (length(sections) < ncol(whole)) whole <- subset(whole, cells = names(sections))
    whole[["section"]] <- sections[colnames(whole)]
    key <- if (is.null(reduction.key) && new.reduction == "smart") "SMART_" else reduction.key
    key <- check_reduction_name(whole, new.reduction, key)
    inputs <- collect(
      read_seurat(whole),
      assays = assay, modalities = modalities, layer = counts.layer, coords = coords,
      section.by = "section", check.counts = check.counts, verbose = verbose
    )
  })
  result <- run_inputs(inputs, NULL, NULL, seed.use, check.counts, NULL, verbose, ...)
  whole <- store_seurat(whole, result, inputs, new.reduction, key)
  stats::setNames(list(whole[[new.reduction]]), new.reduction)
}

attr(SMARTIntegration, "Seurat.method") <- "integration"

check_layered <- function(object, fn) {
  if (inherits(object, "SCTAssay")) {
    smart_abort(c(
      "SMART starts from raw counts, and an SCTAssay holds corrected ones.",
      "i" = "Name the assay that it was made from by {.arg assay}, such as {.val RNA}."
    ), fn = fn)
  }
  if (!inherits(object, "StdAssay")) {
    smart_abort(c(
      "{.arg object} must be an assay with layers, of class Assay5, not
       {.obj_type_friendly {object}}.",
      "i" = "{.fn IntegrateLayers} hands it over. Whole objects are for {.fn RunSMART}."
    ), fn = fn)
  }
}

# The section of each cell in `layers`: named by the part of the layer's name after the first dot.
layer_sections <- function(object, layers, counts.layer, fn) {
  there <- filled_layers(object)
  counts <- match_layers(counts.layer, there)
  if (length(counts) == 0) {
    smart_abort(c(
      "The assay has no layers {.val {counts.layer}} with raw counts.",
      "i" = "It has {.val {there}}; name those with the counts by {.arg counts.layer}."
    ), fn = fn)
  }
  cells_in <- function(name) SeuratObject::Cells(object, layer = name)
  cells <- unlist(lapply(layers %||% counts, cells_in), use.names = FALSE)
  # Counts may be joined again where normalised data are split, and the other way round.
  by <- if (length(counts) > 1) counts else layers
  found <- lapply(by, function(name) intersect(cells_in(name), cells))
  by <- by[lengths(found) > 0]
  found <- found[lengths(found) > 0]
  if (length(found) < 2) {
    smart_abort(c(
      "Layers of the assay are sections, and there is one alone.",
      "i" = "Split them first:
             {.code object[[assay]] <- split(object[[assay]], f = object$section)}.",
      "i" = "One section needs no integration: {.code RunSMART(object)} embeds it."
    ), fn = fn)
  }
  names <- sub("^[^.]*[.]", "", by)
  if (anyDuplicated(names)) names <- by
  stats::setNames(rep(names, lengths(found)), unlist(found, use.names = FALSE))
}

# Errors of helpers as those of the function that the user called.
as_ours <- function(fn, code) {
  rlang::try_fetch(code, rlang_error = function(cnd) {
    cnd$call <- call(fn)
    rlang::cnd_signal(cnd)
  })
}
