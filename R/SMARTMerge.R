#' Merge sections that were embedded together
#'
#' [RunSMART()] on a list of objects returns a list: each object with its cells' part of the joint
#' embedding. `SMARTMerge()` makes one object of them, for plots and tests over all sections.
#' `RunSMART(objects, merge = TRUE)` does both in one call.
#'
#' @details
#' Seurat objects are merged by Seurat's `merge()`, which keeps the counts (under Seurat 5 in layers
#' split by object, which `RunSMART()` reads as they are) and the metadata. The joint embedding, its
#' whole record (`Misc()`), the clusters as one factor, the images and the default assay are kept,
#' too. The command log has the entries of SMART. Other reductions, graphs and neighbours were found
#' for each object alone, and are dropped, as `merge()` does.
#'
#' SingleCellExperiments and SpatialExperiments are joined by `cbind()`, with their alternative
#' experiments and pictures (`imgData()`). They must have the same features in each. Columns of the
#' `colData()` that an object lacks are `NA` for its cells; columns of the `rowData()` that differ
#' between objects, other reduced dimensions and `colPairs()` are dropped. Where objects share a
#' `sample_id`, it is written `section.sample_id` in all of them.
#'
#' Names of cells stay as they are where each occurs once over all objects. If any occurs in two
#' objects, all cells are named `section_cell`. In the same way, images of the same name are called
#' `image.section`.
#'
#' A message says what was dropped or renamed.
#'
#' @param objects What [RunSMART()] returned for a list of Seurat objects, SingleCellExperiments or
#'   SpatialExperiments. Names of the list are the names of the sections.
#' @param reduction Name of the joint embedding. `NULL`: the default of [RunSMART()], `"smart"` in
#'   Seurat objects and `"SMART"` in others.
#' @param cluster.name Column of the metadata with the clusters that the identities of a Seurat
#'   object are set to. `NULL`: `smart_clusters`, or the first that were found in `reduction`, if
#'   any. All clusters that were found for the sections together are kept as factors of the same
#'   levels.
#' @param section.name Name of the column of the metadata that gets the section of each cell.
#'   A column of that name that says something else is an error.
#' @param verbose Say what was dropped or renamed.
#'
#' @return One object of the class of `objects`.
#' @seealso [RunSMART()], [SMARTSpatialPlot()]
#' @concept embedding
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   both <- SimulateSMART(n.sections = 2)
#'   sections <- Seurat::SplitObject(both, split.by = "section")
#'   sections <- RunSMART(sections, n.clusters = 4)
#'   merged <- SMARTMerge(sections)
#'   table(merged$section, merged$smart_clusters)
#' }
SMARTMerge <- function(
    objects,
    reduction = NULL,
    cluster.name = NULL,
    section.name = "section",
    verbose = TRUE) {
  fn <- "SMARTMerge"
  check_flag(verbose, "verbose", fn)
  if (!is.null(cluster.name)) check_name(cluster.name, "cluster.name", fn)
  check_mergeable(objects, section.name, fn)
  names <- section_names(objects, fn)
  names(objects) <- names
  records <- Map(function(object, name) {
    rlang::try_fetch(
      find_record(object, reduction, fn),
      error = function(cnd) smart_abort("Section {.val {name}}:", parent = cnd, fn = fn)
    )
  }, objects, names)
  check_one_run(records, fn)
  bioc <- inherits(objects[[1]], "SingleCellExperiment")
  reduction <- reduction %||% usual_reduction(objects, fn)
  read_column <- if (bioc) {
    function(object, name) SummarizedExperiment::colData(object)[[name]]
  } else {
    function(object, name) object[[name, drop = TRUE]]
  }
  found <- joint_clusters(objects, records, cluster.name, read_column, fn)
  usual <- default_cluster_name(reduction)
  cluster.name <- cluster.name %||% c(intersect(usual, names(found)), names(found))[1]
  merge_them <- if (bioc) merge_sce else merge_seurat
  merge_them(objects, records, reduction, cluster.name, section.name, found, verbose)
}

# Whether objects can be one: looked at before anything is computed.
check_mergeable <- function(objects, section.name, fn) {
  is_object <- function(x) inherits(x, c("Seurat", "SingleCellExperiment"))
  if (!is.list(objects) || !length(objects) || !all(vapply(objects, is_object, NA))) {
    smart_abort(c(
      "{.arg objects} must be a list of Seurat objects or SingleCellExperiments, one for each
       section.",
      "i" = "{.fn RunSMART} returns such a list where it is given one."
    ), fn = fn)
  }
  classes <- unique(vapply(objects, function(x) class(x)[1], ""))
  if (length(classes) > 1) {
    smart_abort(c(
      "Objects of one class can be merged, and these are of class {.val {classes}}.",
      "i" = if (fn == "RunSMART") "With {.code merge = FALSE} they can be embedded together."
    ), fn = fn)
  }
  names <- section_names(objects, fn)
  check_name(section.name, "section.name", fn)
  for (i in seq_along(objects)) check_section_column(objects[[i]], names[i], section.name, fn)
  bioc <- inherits(objects[[1]], "SingleCellExperiment")
  joint_names(lapply(stats::setNames(objects, names), cell_ids), fn)
  if (bioc) check_same_features(objects, names, fn)
  invisible()
}

check_section_column <- function(object, section, section.name, fn) {
  if (inherits(object, "Seurat")) {
    if (section.name %in% names(object)) {
      smart_abort(c(
        "{.arg section.name} {.val {section.name}} is the name of an assay, image or reduction in
         section {.val {section}}.",
        "i" = "Choose another name for the column of the metadata."
      ), fn = fn)
    }
    meta <- object[[]]
  } else {
    meta <- SummarizedExperiment::colData(object)
  }
  if (!section.name %in% colnames(meta)) {
    return(invisible())
  }
  others <- setdiff(as.character(meta[[section.name]]), section)
  if (length(others)) {
    smart_abort(c(
      "Section {.val {section}} has a column {.val {section.name}} that says something else
       ({.val {utils::head(others, 3)}}{more_than(others, 3)}).",
      "i" = "Choose another name for the new column with {.arg section.name}, or name the objects in
             the list by what it says."
    ), fn = fn)
  }
}

# One training has one history of losses.
check_one_run <- function(records, fn) {
  same <- vapply(records, function(record) {
    identical(record[c("history", "params")], records[[1]][c("history", "params")])
  }, NA)
  if (!all(same)) {
    smart_abort(c(
      "Sections {.val {names(records)[1]}} and {.val {names(records)[!same]}} were not embedded
       together.",
      "i" = "Give {.fn RunSMART} all of them in one list."
    ), fn = fn)
  }
}

# Clusters that were found for all sections together: name -> a list of the values by section, and
# the levels.
joint_clusters <- function(objects, records, cluster.name, read_column, fn) {
  clustering <- records[[1]]$clustering
  joint <- Filter(function(name) {
    all(vapply(records, function(record) {
      identical(record$clustering[[name]], clustering[[name]])
    }, NA))
  }, names(clustering))
  if (!is.null(cluster.name) && !cluster.name %in% joint) {
    smart_abort(c(
      "There are no clusters {.val {cluster.name}} that were found for all sections together.",
      "i" = if (length(joint)) "There are {.val {joint}}.",
      "i" = "{.fn FindSMARTClusters} finds clusters of the merged object."
    ), fn = fn)
  }
  lapply(stats::setNames(joint, joint), function(name) {
    values <- lapply(objects, read_column, name)
    lost <- names(objects)[vapply(values, is.null, NA)]
    if (length(lost)) {
      smart_abort(c(
        "Section{?s} {.val {lost}} {?has/have} no column {.val {name}} in the metadata any more.",
        "i" = "{.fn FindSMARTClusters} finds clusters of the merged object."
      ), fn = fn)
    }
    list(
      values = lapply(values, as.character),
      levels = cluster_levels(values, clustering[[name]]$n.clusters)
    )
  })
}

# All clusters in numeric order, those of names that a user gave in the order of these.
cluster_levels <- function(values, n.clusters) {
  numbers <- as.character(seq_len(n.clusters) - 1L)
  there <- unique(unlist(lapply(values, function(x) if (is.factor(x)) levels(x) else unique(x))))
  there <- there[!is.na(there)]
  if (all(there %in% numbers)) numbers else as.character(there)
}

# The record of the whole: that of one training, with the clusters found for all sections together.
joint_record <- function(records, clusterings) {
  record <- records[[1]]
  record["clustering"] <- list(record$clustering[clusterings])
  record
}

# Where columns of an object have no names of their own, they need no joint ones.
cell_ids <- function(object) if (!anyDuplicated(colnames(object))) colnames(object)

# Names of cells over all sections: with the section before them where any occurs twice.
joint_names <- function(cells, fn = "SMARTMerge") {
  if (!anyDuplicated(unlist(cells, use.names = FALSE))) {
    return(cells)
  }
  named <- Map(function(cells, section) paste(section, cells, sep = "_"), cells, names(cells))
  twice <- unlist(named, use.names = FALSE)
  twice <- unique(twice[duplicated(twice)])
  if (length(twice)) {
    smart_abort(c(
      "Two cells would be called {.val {twice[1]}}.",
      "i" = "Give the objects in the list other names."
    ), fn = fn)
  }
  named
}

# `renamed` is what images or samples were called and are called now, named by what they are.
say_merged <- function(old, new, dropped, renamed = list()) {
  again <- Filter(function(names) !identical(names[[1]], names[[2]]), renamed)
  dropped <- dropped[lengths(dropped) > 0]
  what <- vapply(names(dropped), function(kind) {
    # What was dropped may have braces in its name.
    escape_braces(paste0(kind, " ", paste(unique(dropped[[kind]]), collapse = ", ")))
  }, "")
  lines <- c(
    if (!identical(old, new)) {
      c("i" = "Names of cells occur in several sections: they are now {.val {new[[1]][1]}} and so
              on.")
    },
    if (length(again)) c("i" = "{names(again)} are now {.val {again[[1]][[2]]}}."),
    if (length(what)) {
      c("i" = paste0("Not in the merged object: ", paste(what, collapse = "; "), "."))
    }
  )
  if (length(lines)) smart_inform(lines)
}
