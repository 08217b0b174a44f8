# From the user's object to what the core takes: modalities, coordinates, sections, batches.
#
# A reader hides the class of the object. It is a list of
#   cells                names of the cells, unique
#   assays, default      names of the assays; the one to prefer
#   describe(assay)      list(classes, features)
#   is_filled(assay, layer)
#   counts(assay, layer, features, check.counts)
#   reductions, embedding(reduction), assay_of(reduction)
#   places(coords, coord.cols, section.by, batch.by, verbose)
#   off_tissue()         names of the cells that are marked as outside the tissue
#   whole, tissue        whether it can only hold an embedding of all its cells; if so, R code
#                        that is TRUE for those in the tissue

collect <- function(reader, assays = NULL, modalities = NULL, features = NULL, layer = "counts",
                    reduction = NULL, dims = NULL, coords = NULL, coord.cols = NULL,
                    section.by = NULL, batch.by = NULL, check.counts = TRUE, in.tissue = TRUE,
                    verbose = TRUE) {
  check_flag(in.tissue, "in.tissue", "RunSMART")
  plan <- plan_inputs(reader, assays, modalities, layer, reduction)
  features <- features_by_assay(reader, features, plan$assay[is.na(plan$reduction)], verbose)
  if (!is.null(dims) && all(is.na(plan$reduction))) {
    smart_abort(c(
      "{.arg dims} chooses dimensions of {.arg reduction}, which is not given.",
      "i" = "The number of components made from counts is {.arg n.comps}."
    ))
  }
  places <- reader$places(coords, coord.cols, section.by, batch.by, verbose)
  inputs <- lapply(seq_len(nrow(plan)), function(i) {
    item <- as.list(plan[i, ])
    if (is.na(item$reduction)) {
      counts <- reader$counts(
        item$assay, item$layer, one_of_list(features, item$assay), check.counts
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
    source = ifelse(is.na(plan$reduction), plan$assay, plan$reduction),
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

# Inputs without cells that lie outside the tissue, said with their number.
without_cells <- function(inputs, outside, reader) {
  outside <- intersect(reader$cells, outside)
  n <- length(reader$cells)
  if (length(outside) == n) {
    smart_abort(c(
      "All {n} cells are marked as outside the tissue.",
      "i" = "{.code in.tissue = FALSE} uses them."
    ))
  }
  if (isTRUE(reader$whole)) {
    smart_abort(c(
      "{length(outside)} of {n} cells {?is/are} marked as outside the tissue (first:
       {.val {outside[1]}}).",
      "i" = "In Seurat 4 an embedding is of all cells. Remove these first:
             {.code object <- subset(object, {reader$tissue})}, or use them:
             {.code in.tissue = FALSE}."
    ))
  }
  smart_inform(c(
    "i" = "{length(outside)} of {n} cells {?is/are} marked as outside the tissue and left out;
           {.code in.tissue = FALSE} uses them."
  ))
  drop <- function(x) x[, !colnames(x) %in% outside, drop = FALSE]
  lapply(inputs, function(input) {
    if (!is.null(input$pcs)) {
      input$pcs <- input$pcs[!rownames(input$pcs) %in% outside, , drop = FALSE]
    } else {
      input$counts <- if (is.list(input$counts)) lapply(input$counts, drop) else drop(input$counts)
    }
    input
  })
}

# Cells with 0 (or FALSE) in a column `in_tissue`.
marked_outside <- function(metadata, cells) {
  if (!"in_tissue" %in% colnames(metadata)) {
    return(character())
  }
  marks <- tolower(as.character(metadata[["in_tissue"]]))
  cells[marks %in% c("0", "false")]
}

# One row for each modality: its name, kind, assay, layer, and reduction (or NA).
plan_inputs <- function(reader, assays, modalities, layer, reduction) {
  reductions <- match_reductions(reader, reduction)
  if (is.null(assays) && length(reductions)) {
    assays <- names(reductions)
  } else if (is.null(assays)) {
    assays <- choose_assays(
      reader$assays, reader$default, reader$describe, modalities,
      function(assay) reader$is_filled(assay, one_of_list(layer, assay) %||% "counts")
    )
  } else {
    check_assays(assays, reader$assays)
    unknown <- setdiff(names(reductions), assays)
    if (length(unknown)) {
      smart_abort(c(
        "{.arg reduction} names {.val {unknown}}, which {?is/are} not among {.arg assays}.",
        "i" = "The assays are {.val {unname(assays)}}."
      ))
    }
  }
  check_named(layer, "layer", assays)
  from_counts <- setdiff(assays, names(reductions))
  given <- stats::setNames(match_modalities(assays, modalities), assays)
  kinds <- vapply(names(given), function(assay) {
    if (!is.na(given[[assay]]) || !assay %in% reader$assays) {
      return(given[[assay]])
    }
    about <- reader$describe(assay)
    guess_kind(assay, about$classes, about$features)
  }, "")
  unknown_kinds(from_counts[is.na(kinds[from_counts])])
  data.frame(
    name = name_modalities(assays, ifelse(is.na(kinds), assays, kinds)),
    kind = unname(kinds),
    assay = unname(assays),
    layer = vapply(unname(assays), function(assay) {
      if (assay %in% names(reductions)) NA_character_ else one_of_list(layer, assay) %||% "counts"
    }, "", USE.NAMES = FALSE),
    reduction = unname(reductions[assays]),
    stringsAsFactors = FALSE
  )
}

# Reductions named by the assay they stand in for.
match_reductions <- function(reader, reduction) {
  if (is.null(reduction)) {
    return(stats::setNames(character(), character()))
  }
  reduction <- unlist(reduction)
  if (!is.character(reduction) || length(reduction) == 0) {
    smart_abort(c(
      "{.arg reduction} must be names of reductions to start from, such as {.val pca}.",
      "i" = "The name of the result is {.arg reduction.name}."
    ))
  }
  unknown <- setdiff(reduction, reader$reductions)
  if (length(unknown)) {
    smart_abort(c(
      "There is no reduction {.val {unname(unknown)}}.",
      "i" = if (length(reader$reductions)) {
        "The object has {.val {reader$reductions}}."
      } else {
        "The object has none: leave {.arg reduction} out to start from counts."
      },
      "i" = "The name of the result is {.arg reduction.name}."
    ))
  }
  if (is.null(names(reduction))) {
    assays <- vapply(reduction, reader$assay_of, "")
    names(reduction) <- if (anyNA(assays) || anyDuplicated(assays)) reduction else assays
  }
  if (anyDuplicated(names(reduction))) {
    smart_abort("{.arg reduction} has several entries for
      {.val {unique(names(reduction)[duplicated(names(reduction))])}}.")
  }
  reduction
}

# The entry for one assay of an argument that is one value for all or named by assay.
one_of_list <- function(x, assay) {
  if (is.null(names(x))) {
    return(if (is.list(x)) x[[1]] else x)
  }
  if (assay %in% names(x)) x[[assay]]
}

check_named <- function(x, what, assays) {
  if (is.null(names(x))) {
    if (is.list(x) && length(x) > 1) {
      smart_abort("{.arg {what}} must be named by assay where it is a list.")
    }
    return(invisible())
  }
  unknown <- setdiff(names(x), assays)
  if (length(unknown)) {
    smart_abort(c(
      "{.arg {what}} names {.val {unknown}}, which {?is/are} not among the assays used.",
      "i" = "These are {.val {unname(assays)}}."
    ))
  }
}

# Features as a list by assay: where they are given for all assays alike, those that have none
# of them use all of their own.
features_by_assay <- function(reader, features, assays, verbose) {
  if (is.null(features)) {
    return(NULL)
  }
  if (is.list(features)) {
    check_named(features, "features", assays)
    return(features)
  }
  if (!is.character(features)) {
    smart_abort("{.arg features} must be names of features, not {.obj_type_friendly {features}}.")
  }
  has <- vapply(assays, function(assay) any(features %in% reader$describe(assay)$features), NA)
  if (!any(has)) {
    smart_abort(c(
      "None of the {.arg features} given ({.val {utils::head(features, 3)}}{more_than(features, 3)})
       is in {.val {assays}}.",
      "i" = "Those of {.val {assays[1]}} look like
             {.val {utils::head(reader$describe(assays[1])$features, 3)}}."
    ))
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
    dims <- dims[[item$assay]] %||% dims[[item$reduction]]
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
