# From the user's object to what the core takes: modalities, coordinates, sections, batches.
#
# A reader hides the class of the object. It is a list of
#   cells                names of the cells, unique
#   assays, default      names of the assays; the one to prefer
#   describe(assay)      list(classes, features)
#   is_filled(assay, layer), layers(assay): whether it holds that layer; all that it holds
#   types(assay, layer)  names of the types of features in it, where there are several for the same
#                        cells, or one that its name tells
#   counts(assay, layer, features, check.counts, type)
#   reductions, embedding(reduction), assay_of(reduction)
#   places(coords, coord.cols, section.by, batch.by, verbose)
#   off_tissue()         names of the cells that are marked as outside the tissue
#   whole, tissue        whether it can only hold an embedding of all its cells; if so, R code
#                        that is TRUE for those in the tissue

collect <- function(reader, assays = NULL, modalities = NULL, features = NULL, layer = "counts",
                    reduction = NULL, dims = NULL, coords = NULL, coord.cols = NULL,
                    section.by = NULL, batch.by = NULL, check.counts = TRUE, in.tissue = TRUE,
                    verbose = TRUE, check = function(plan) NULL,
                    plan = plan_inputs(reader, assays, modalities, layer, reduction, verbose)) {
  check_flag(in.tissue, "in.tissue", "RunSMART")
  check_flag(verbose, "verbose", "RunSMART")
  # Its errors come before those of what starts Python.
  force(plan)
  if (is.list(features)) features <- named_as(features, "features", plan)
  if (is.list(dims)) dims <- named_as(dims, "dims", plan)
  features <- features_by_assay(reader, features, plan$assay[is.na(plan$reduction)], verbose)
  if (!is.null(dims) && all(is.na(plan$reduction))) {
    smart_abort(c(
      "{.arg dims} chooses dimensions of {.arg reduction}, which is not given.",
      "i" = "The number of components made from counts is {.arg n.comps}."
    ))
  }
  places <- reader$places(coords, coord.cols, section.by, batch.by, verbose)
  check(plan)
  counted <- unique(plan$assay[is.na(plan$reduction)])
  if (verbose && length(counted)) smart_inform(c("i" = "Reading counts of {.val {counted}} \u2026"))
  inputs <- lapply(seq_len(nrow(plan)), function(i) {
    item <- as.list(plan[i, ])
    if (is.na(item$reduction)) {
      counts <- reader$counts(
        item$assay, item$layer, one_of_list(features, item$assay),
        check.counts && !item$kind %in% other_kinds, item$type
      )
      return(list(kind = item$kind, counts = counts, pcs = NULL))
    }
    pcs <- reader$embedding(item$reduction)
    list(kind = NULL, counts = NULL, pcs = pick_dims(pcs, dims, item))
  })
  names(inputs) <- plan$name
  outside <- if (in.tissue) unique(reader$off_tissue()) else character()
  if (length(outside)) inputs <- without_cells(inputs, outside, reader)
  cells <- lapply(inputs, input_cells)
  check_common_cells(cells)
  cells <- reader$cells[reader$cells %in% unlist(cells, use.names = FALSE)]
  placed <- place_cells(places, cells)
  about <- data.frame(
    modality = plan$name,
    kind = plan$kind,
    assay = plan$assay,
    source = source_names(plan),
    layer = plan$layer,
    reduction = plan$reduction,
    n.features = vapply(inputs, input_width, 1L, USE.NAMES = FALSE),
    n.cells = lengths(lapply(inputs, input_cells), use.names = FALSE)
  )
  if (verbose) {
    say_places(places, placed)
    say_modalities(about, if (is.null(assays)) setdiff(reader$assays, plan$assay))
    say_missing(about, length(cells))
  }
  list(
    modalities = inputs,
    coords = placed$coords,
    sections = placed$sections,
    batches = placed$batches,
    about = about,
    whole = isTRUE(reader$whole),
    # Modalities whose features the user chose.
    chosen = plan$name[is.na(plan$reduction) & vapply(plan$assay, function(assay) {
      !is.null(one_of_list(features, assay))
    }, NA)]
  )
}

# Features as a list by assay: where they are given for all assays alike, those that have none
# of them use all of their own.
features_by_assay <- function(reader, features, assays, verbose) {
  if (is.null(features)) {
    return(NULL)
  }
  there <- lapply(stats::setNames(nm = assays), function(assay) reader$describe(assay)$features)
  if (is.list(features)) {
    check_named(features, "features")
    for (assay in intersect(names(features), assays)) {
      lost <- setdiff(features[[assay]], there[[assay]])
      if (length(lost) && length(lost) < length(features[[assay]])) {
        smart_warn("{length(lost)} of {length(features[[assay]])} {.arg features} {?is/are} not in
          assay {.val {assay}} (first: {.val {lost[1]}}).")
      }
    }
    return(features)
  }
  if (!is.character(features) || length(features) == 0) {
    smart_abort(c(
      "{.arg features} must be names of features, not {.obj_type_friendly {features}}.",
      "i" = if (length(features) == 0) {
        "{.fn VariableFeatures} has none before {.fn FindVariableFeatures}. Without {.arg features}
         the variable genes are found here."
      }
    ))
  }
  has <- vapply(there, function(own) any(features %in% own), NA)
  if (!any(has)) {
    smart_abort(c(
      "None of the {.arg features} given ({.val {utils::head(features, 3)}}{more_than(features, 3)})
       is in {.val {assays}}.",
      "i" = "Those of {.val {assays[1]}} look like
             {.val {utils::head(there[[1]], 3)}}."
    ))
  }
  lost <- setdiff(features, unlist(there))
  if (length(lost)) {
    smart_warn("{length(lost)} of {length(features)} {.arg features} {?is/are} in no assay used
      (first: {.val {lost[1]}}).")
  }
  if (verbose && !all(has)) {
    smart_inform(c(
      "i" = "{.arg features} names none of {.val {assays[!has]}}: all are used there."
    ))
  }
  stats::setNames(rep(list(unname(features)), sum(has)), assays[has])
}

pick_dims <- function(pcs, dims, item) {
  if (is.list(dims)) {
    dims <- one_of_list(dims, item$assay)
  }
  if (is.null(dims)) {
    return(pcs)
  }
  if (!is.numeric(dims) || !all(dims %in% seq_len(ncol(pcs)))) {
    smart_abort(c(
      "{.arg dims} must be numbers of dimensions of {.val {item$reduction}}, 1 to {ncol(pcs)}.",
      "x" = "Not there: {.val {utils::head(setdiff(dims, seq_len(ncol(pcs))), 5)}}."
    ))
  }
  pcs[, dims, drop = FALSE]
}

input_parts <- function(input) {
  if (isTRUE(input$joined)) {
    return(unlist(unname(input$counts), recursive = FALSE))
  }
  if (is.list(input$counts)) input$counts else list(input$counts)
}

input_cells <- function(input) {
  if (!is.null(input$pcs)) {
    return(rownames(input$pcs))
  }
  unlist(lapply(input_parts(input), colnames), use.names = FALSE)
}

input_width <- function(input) {
  if (isTRUE(input$joined)) {
    return(NA_integer_)
  }
  if (is.null(input$pcs)) nrow(input_parts(input)[[1]]) else ncol(input$pcs)
}

# Each modality must share cells with the others, directly or through a third.
check_common_cells <- function(cells) {
  linked <- 1
  repeat {
    known <- unlist(cells[linked], use.names = FALSE)
    more <- setdiff(which(vapply(cells, function(these) any(these %in% known), NA)), linked)
    if (length(more) == 0) break
    linked <- c(linked, more)
  }
  apart <- setdiff(seq_along(cells), linked)
  if (length(apart)) {
    a <- names(cells)[1]
    b <- names(cells)[apart[1]]
    smart_abort(c(
      "Modalities {.val {a}} and {.val {b}} have no cell in common.",
      "x" = "{.val {a}}: {length(cells[[1]])} cells such as {.val {cells[[1]][1]}}.",
      "x" = "{.val {b}}: {length(cells[[apart[1]]])} cells such as {.val {cells[[apart[1]]][1]}}.",
      "i" = "Modalities are joined by the names of their cells."
    ))
  }
}

say_missing <- function(about, n) {
  lacking <- about[about$n.cells < n, ]
  if (nrow(lacking)) {
    what <- paste0(n - lacking$n.cells, " of ", n, " cells have no ", lacking$modality, ".")
    smart_inform(stats::setNames(what, rep("i", length(what))))
  }
}
