#' Embed spatial multi-omics data by SMART
#'
#' Brings the modalities measured on the spots (or cells) of a tissue, and the places of these,
#' into one embedding; with `n.clusters` also finds the domains of the tissue. Counts go through
#' the preprocessing of the paper (RNA: variable genes, log-normalised; protein: centred
#' log-ratio; chromatin: TF-IDF) to principal components. A graph neural network keeps what each
#' modality says of a spot and its surroundings, while spots that are alike come together. Its
#' weights are found in closed form; `epochs` trains it.
#'
#' @details
#' Spots are matched by name. A spot that one modality lacks is embedded from those it has.
#' Neighbours in space are looked for within a section only.
#'
#' Several sections are the images of an object, the values of `section.by`, the `sample_id` of a
#' SpatialExperiment, or the objects of a list. They are embedded as one: variable genes are those
#' that vary within sections; features are centred and scaled within them; Harmony takes what is
#' left of batch effects out of each modality; and spots that are alike across sections are drawn
#' together. Objects of a list may have different features: genes and proteins that all share are
#' used, and peaks that overlap count as one. Their cells may go by the same names, and an object
#' may lack a modality. Clusters have the same levels in all of them.
#'
#' Where several sections share a slide, run or donor, name these by `batch.by`: features are then
#' centred and scaled within such batches, and Harmony takes out what sets batches apart, not
#' sections. One section measured in two runs has batches, too. For all else sections count.
#'
#' The object given is returned with results added, or untouched: also where anything fails, or
#' is interrupted (by Ctrl-C or Esc).
#'
#' The same seed gives the same result on the same machine, the same as from Python.
#'
#' @param object A Seurat object, a SingleCellExperiment or SpatialExperiment; a list of such, one
#'   for each section; or counts: a matrix features x cells, or a list of matrices named by
#'   modality.
#' @param assays Assays to use, as modalities; for a SingleCellExperiment the main experiment (by
#'   its `mainExpName`, or `"main"`) and alternative ones. Names, as in `c(rna = "Spatial")`,
#'   become those of the modalities. `NULL`: one assay for each modality that is recognised. An
#'   assay that holds genes and antibodies (or peaks) of the same cells, as `Load10X_Spatial()` of
#'   Seurat 5 reads them, gives a modality for each; so does an experiment whose `rowData()` has a
#'   column `Type` or `feature_types`.
#' @param modalities What the assays are: `"rna"`, `"protein"` or `"chromatin"`, named by assay,
#'   or in their order. `NULL`: guessed, and said. `"other"`: measurements of any other sort
#'   (metabolites, lipids, intensities of mass spectrometry, copy numbers), normalised as `steps`
#'   (below) say; `"embedding"`: vectors that are ready (features of the histology from a
#'   foundation model, topics), features of the assay being their dimensions. These two need no
#'   raw counts: where the layer `"counts"` is empty, `"data"` is used, or what there is, and a
#'   message says which. Assays that are named here are those that are used, as in
#'   `c(Spatial = "rna", MSI = "other")`. For matrices also `"pcs"`: components of your own, cells
#'   x dimensions, to be used as they are.
#' @param features Features to use: a character vector, or a list of such named by assay or
#'   modality. `NULL`: all; of RNA the most variable of them (see `n.features` below).
#' @param layer Layer (of a SingleCellExperiment: assay) that holds raw counts; one name, or named
#'   by assay or modality. Layers split by section (`counts.1`, ...) are found by the name they
#'   have in common.
#' @param reduction Reductions to start from instead of counts, such as `"pca"`; where they stand
#'   in for assays, named by assay or modality. (The name of the result is `reduction.name`.)
#' @param dims Dimensions of `reduction` to use, or a list of such named by assay or
#'   modality. `NULL`: all.
#' @param coords Coordinates of the cells: a matrix or data frame, cells x 2 or 3, with the names
#'   of the cells as rownames, in any unit. For a list of objects, a list. `NULL`: from `coord.cols`,
#'   the object's images or `spatialCoords()`, a reduction `"spatial"` (which objects have that were
#'   an `.h5ad` file), or columns of its metadata with usual names.
#' @param coord.cols Columns of the metadata with the coordinates, 2 or 3.
#' @param section.by Column of the metadata with the section of each cell. `NULL`: each image, or
#'   object of a list, is a section. For matrices the sections themselves, one value for each row
#'   of `coords` (or named by cell).
#' @param batch.by Column of the metadata with the batch of each cell, such as its slide, run or
#'   donor. For a list of objects a column that each has, or one value for each object, in their
#'   order or named by object. For matrices the batches themselves, as with `section.by`. `NULL`:
#'   each section is a batch.
#' @param n.clusters Number of clusters (domains) to find; or several, such as `4:12`, of which the
#'   best is chosen: see [ChooseSMARTClusters()]. `NULL`: none.
#' @param cluster.name Column of the metadata for the clusters. `NULL`: `"smart_clusters"`, or for
#'   another `reduction.name` that name and `_clusters`. With several numbers of clusters, or
#'   resolutions, there also is a column for each: see [FindSMARTClusters()].
#' @param cluster.method Method to find clusters; see [FindSMARTClusters()].
#' @param resolution Resolution of the clusters instead of their number, for `cluster.method`
#'   `"leiden"` and `"louvain"`: higher ones give more of them.
#' @param reduction.name Name of the new reduction.
#' @param reduction.key Key of the new reduction. For another `reduction.name` than the default it
#'   is made from that.
#' @param check.counts Refuse counts that are no whole numbers.
#' @param in.tissue Leave out cells that a column `in_tissue` of the metadata, or the image of a
#'   Visium slide, marks as outside the tissue. `FALSE` uses them.
#' @param checkpoint File in which the state of the training is kept while it runs, in a format of
#'   its own (such as `"state.pt"`). A run that was interrupted, and is started again with the same
#'   data, settings and file, goes on from there, and ends in the same embedding as one that was
#'   not. The file is removed once the embedding is there. `NULL`: none.
#' @param seed.use Seed, from 0 to 2^31 - 1. R's own random numbers are not touched.
#' @param verbose Say what is done, and show progress.
#' @param merge For a list of objects: `TRUE` returns one merged object instead of a list, as
#'   [SMARTMerge()] makes it.
#' @param section.name With `merge = TRUE`, the column of the metadata that gets the section of each
#'   cell.
#' @param ... Further parameters of the method, with dots or underscores between words; an unknown
#'   one gives an error that says what was probably meant, and lists all. What differs between
#'   modalities (`n.comps`, `n.features`, `min.spots`, `steps`, `alpha`) may be named by assay or by
#'   modality. The most useful:
#'   * `preset`: `"robust"` (the default), `"robust-0.1"` (that of version 0.1), `"paper"` (the
#'     equations of the paper) or `"published"` (as the package published with it computes).
#'   * `n.neighbors`: neighbours in space; `NULL` guesses 4 or 6 from the layout; 0 for none (cell
#'     types rather than domains).
#'   * `regions`: what domains are to be, from 0 to 1. 1 (the default): regions of tissue, for which
#'     cells are averaged with their surroundings, as widely as the data ask for (a message says
#'     how widely; [SMARTScalePlot()] shows why). 0: kinds of cells, wherever these lie; cells are
#'     not averaged. A number between them is a compromise. Other presets than `"robust"` have no
#'     such choice.
#'   * `controls`: `TRUE` uses control probes and isotype controls, too, which are recognised by
#'     their names and otherwise left out.
#'   * `n.comps`: principal components, one number or named (30; for protein as many
#'     as proteins, at most 30). `n.features`: variable genes (3000; `Inf` for all).
#'     `min.spots`: spots that a gene or peak must be counted in (10). `clr`: mean of the
#'     centred log-ratio over the spots of a `"protein"` or the proteins of a `"spot"`.
#'   * `steps`: how modalities that are `"other"` are normalised, in this order: `"total"` (each
#'     cell's total, such as its ion count, to the median), `"log1p"`, `"scale"` (each feature to
#'     variance 1, the default); `"none"`. Raw intensities usually need
#'     `c("total", "log1p", "scale")`. Of an `"embedding"`, for which it must be named, `"scale"`
#'     or `"none"` (the default). Several assays: a list named by assay or modality.
#'   * `align.sections`: `TRUE` (the default) centres and scales each feature within its section,
#'     or batch, so that what a batch catches more of, or less, does not tell sections apart;
#'     `FALSE` over all sections together, for sections that have hardly a kind of cells in common.
#'   * `harmony.theta` (2) and `harmony.rounds` (20): how hard, and for how many rounds, Harmony
#'     takes out batch effects; 0 rounds: not at all. `harmony.sigma` (0.15): how soft its clusters
#'     are. `section.triplets`: `"across"` sections (the default), `"within"` or `"both"`.
#'     `link.sections`: `TRUE` lets spots of different sections be neighbours, for sections
#'     registered in 3-D coordinates.
#'   * `latent.dim` (64): dimensions of the embedding. `epochs` (0): by default the weights of the
#'     network are found in closed form; a number trains them for so many epochs. Only then `lr`,
#'     `lam` (weight of the reconstruction against the triplets), `alpha` (weights of the
#'     modalities, named), `margin`, `n.mutual`, `far.ratio` and `section.triplets` count.
#'   * `step.spots`: cells that a training step sees; more are cut into tiles (50000, or what a
#'     quarter of the memory holds).
#'   * `device`: `"auto"`, `"cpu"` or `"cuda"`. `checkpoint.seconds` (60): how often the state is
#'     written to `checkpoint`.
#'
#' @return The object with results added. Seurat: a reduction (`DimReduc`) of `reduction.name`, whose
#'   dimensions are principal axes, the one of most variance first, so that the first ten or so
#'   hold most of it; its `Misc()` holds versions, parameters, losses, and how widely cells were
#'   averaged (data frames `directions` and `scales`). The contribution of each modality to each cell
#'   is in columns of the metadata, such as `smart.contribution.rna`
#'   ([SMARTContributionPlot()] draws them). With
#'   `n.clusters` a factor in the metadata, levels `"0"` (the largest), `"1"`, ..., which also
#'   become the identities. An entry in the command log. SingleCellExperiment: a `reducedDim`,
#'   `metadata()` of the same name, and a column of the `colData()`. A list of objects: a list, or
#'   with `merge = TRUE` one object. Matrices: a list of class `SMARTResult` with `embedding` (cells
#'   x dimensions, in the order of `coords`), `clusters`, `coords`, `section`, `history`, `contributions` (cells x modalities:
#'   correlation of each cell's distances to 1000 others in the modality and in the embedding) and
#'   more.
#' @references
#' Du et al. (2026). SMART: spatial multi-omic aggregation using graph neural networks and metric
#' learning. Nature Communications 17, 2876. \doi{10.1038/s41467-026-70821-5}
#' @seealso [ChooseSMARTClusters()], [FindSMARTClusters()], [SMARTMerge()], [SMARTSpatialPlot()],
#'   [SMARTScalePlot()], [SMARTLossPlot()], [SMARTContributionPlot()], [install_smartcore()]
#' @concept embedding
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   object <- SimulateSMART()
#'   object <- RunSMART(object, assays = c("Spatial", "ADT"), n.clusters = 4)
#'   table(object$smart_clusters, object$domain)
#'   object <- Seurat::RunUMAP(object, reduction = "smart", dims = 1:64, verbose = FALSE)
#' }
#'
#' # Matrices: counts features x cells, coordinates cells x 2.
#' if (has_smartcore()) {
#'   at <- as.matrix(expand.grid(x = 1:10, y = 1:10))
#'   rownames(at) <- paste0("cell", 1:100)
#'   counts <- matrix(rpois(3000, 2 + 4 * (at[, "x"] > 5)), 30, byrow = TRUE)
#'   dimnames(counts) <- list(paste0("gene", 1:30), rownames(at))
#'   RunSMART(list(rna = counts), coords = at, n.clusters = 2, epochs = 30)
#' }
RunSMART <- function(object, ...) {
  UseMethod("RunSMART")
}

#' @rdname RunSMART
#' @method RunSMART default
#' @export
RunSMART.default <- function(
    object,
    coords,
    modalities = NULL,
    features = NULL,
    section.by = NULL,
    batch.by = NULL,
    n.clusters = NULL,
    cluster.method = NULL,
    resolution = NULL,
    check.counts = TRUE,
    checkpoint = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  matrices <- given_matrices(object)
  if (missing(coords) || is.null(coords)) {
    smart_abort(c(
      "{.arg coords} is missing: the places of the cells.",
      "i" = "A matrix cells x 2 or 3, with the names of the cells as rownames."
    ))
  }
  wanted <- wanted_clusters(n.clusters, resolution, cluster.method, NROW(coords), "RunSMART")
  checkpoint <- check_checkpoint(checkpoint)
  dots <- list(...)
  own <- names(formals())
  inputs <- collect_matrices(
    matrices, coords, modalities, features, section.by, batch.by, check.counts,
    check = function(plan) check_settings(dots, own, plan, seed.use, check.counts, verbose)
  )
  if (verbose) {
    about <- inputs$about
    kind <- ifelse(is.na(about$kind), "components", about$kind)
    what <- ifelse(kind == about$modality, kind, paste0(about$modality, " (", kind, ")"))
    smart_inform(c("i" = "{cli::qty(what)}Modalit{?y/ies}: {what}."))
    say_missing(inputs$about, nrow(inputs$coords))
  }
  result <- run_inputs(
    inputs, wanted, "clusters", seed.use, check.counts, checkpoint, verbose, ...
  )
  if (verbose) say_result(result, "clusters", NULL, "matrix")
  cells <- rownames(result$embedding)
  places <- list(coords = inputs$coords[cells, , drop = FALSE], section = inputs$sections[cells])
  structure(
    c(
      result[c("embedding", "clusters")],
      if (!is.null(result$all.clusters)) result["all.clusters"],
      places, result["contributions"],
      smart_record(result, inputs)
    ),
    class = "SMARTResult"
  )
}

#' @export
print.SMARTResult <- function(x, ...) {
  about <- x$modalities
  history <- x$history
  size <- dim(x$embedding)
  cli::cat_line("SMART embedding of ", size[1], " cells in ", size[2], " dimensions")
  if (!is.null(about)) {
    cli::cat_line("Modalities: ", paste0(
      about$modality, " (", about$n.features, " features, ", about$n.cells, " cells)",
      collapse = "; "
    ))
  }
  if (!is.null(x$sections)) {
    cli::cat_line("Sections: ", paste0(names(x$sections), " (", x$sections, ")", collapse = ", "))
  }
  if (!is.null(x$batches)) {
    cli::cat_line("Batches: ", paste0(names(x$batches), " (", x$batches, ")", collapse = ", "))
  }
  if (!is.null(x$clusters)) {
    cli::cat_line("Clusters: ", paste0(
      levels(x$clusters), " (", table(x$clusters), ")",
      collapse = ", "
    ))
  }
  if (!is.null(x$all.clusters)) {
    cli::cat_line("Other clusterings: ", paste(names(x$all.clusters), collapse = ", "))
  }
  # Not of an embedding that was given.
  if (!is.null(history)) {
    trained <- "Weights in closed form, not trained"
    if (nrow(history)) {
      loss <- signif(history$total[nrow(history)], 4)
      trained <- paste0("Trained ", nrow(history), " epochs, loss ", loss)
    }
    cli::cat_line(trained, "; smartcore ", x$versions$smartcore)
  }
  invisible(x)
}
