#' SpatialSMART: spatial multi-omics in one embedding
#'
#' SMART brings any number of modalities, measured on the spots or cells of a tissue, into one
#' embedding, by a graph neural network over the places of the spots and metric learning on what
#' the modalities say. Clusters of the embedding are the domains of the tissue.
#'
#' * [RunSMART()] makes the embedding, and clusters where their number is given.
#' * [FindSMARTClusters()] finds clusters of an embedding.
#' * [SMARTLossPlot()] and [SMARTContributionPlot()] look at the training and at what each
#'   modality contributes.
#' * [install_smartcore()] sets up Python.
#'
#' @section Python:
#' The computation is done by the Python package smartcore, whose sources come with this package.
#' Which Python is used, in this order:
#' 1. the one that the environment variable `RETICULATE_PYTHON` names;
#' 2. the one that `SMART_PYTHON` names (a Python, or the folder of a virtual environment);
#' 3. what `reticulate::use_python()` and its kin ask for;
#' 4. the virtual environment `r-smart`, made by [install_smartcore()];
#' 5. with reticulate 1.41 or newer, one that reticulate prepares when it is first needed.
#'
#' A session has one Python: it is chosen when Python is first used, and another choice needs a
#' restart of R. Loading the package neither downloads nor starts anything.
#'
#' Python is reached through reticulate and not through basilisk: PyTorch must fit the user's
#' graphics card, which one pinned environment cannot, and progress and interrupts need Python in
#' the process of R. From reticulate 1.41 on, reticulate prepares an isolated environment by itself.
#'
#' @references
#' Du et al. (2026). SMART: spatial multi-omic aggregation using graph neural networks and metric
#' learning. Nature Communications 17, 2876. \doi{10.1038/s41467-026-70821-5}
#' @importFrom rlang .data
#' @concept package
#' @keywords internal
"_PACKAGE"
