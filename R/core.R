# Handing over to the Python core, and back.

# Embeds cells.
#   modalities  named list of list(kind, counts, pcs): counts features x cells, a dgCMatrix or a
#               list of such with the same features and different cells; or pcs cells x d. Where
#               `joined` is TRUE, counts are a list of such by object, each with its own features
#   coords      cells x 2|3, with the names of all cells
#   sections    named by cell, or NULL
#   batches     named by cell; NULL: the sections
#   whole       names of assays where the object can only hold an embedding of all its cells
#   labels      what messages call the modalities, named by these
#   ...         the core's parameters, words separated by dots or underscores
# Returns list(embedding, history, params, n.triplets, directions, scales, contributions, n.features,
# versions).
run_core <- function(modalities, coords, sections = NULL, batches = NULL, ..., seed.use = 42,
                     check.counts = TRUE, verbose = TRUE, whole = NULL, checkpoint = NULL,
                     labels = stats::setNames(nm = names(modalities)), fn = "RunSMART") {
  seed <- check_seed(seed.use, fn)
  core <- core(fn, verbose)
  given <- core_arguments(list(...), core, names(modalities), fn)
  cells <- rownames(coords)
  relay <- new_relay(verbose, fn)
  on.exit(relay$tell_warnings())
  features <- list()
  rows <- list()
  n_features <- integer()
  # What was made on the way here would lie beside the copy of the counts.
  gc(verbose = FALSE, full = FALSE)
  for (name in names(modalities)) {
    input <- modalities[[name]]
    rows[[name]] <- row_numbers(input_cells(input), cells)
    if (is.null(input$counts)) {
      check_components(input$pcs, labels[[name]], fn)
      features[[name]] <- reticulate::r_to_py(unname_columns(input$pcs))
      n_features[[name]] <- ncol(input$pcs)
    } else {
      if (verbose) smart_inform(c("i" = "Preparing {name} \u2026"))
      cells_here <- input_cells(input)
      found <- call_core(fn, count_components(
        core, name, input, section_codes(sections, cells_here), section_codes(batches, cells_here),
        given, seed, check.counts, relay, labels[[name]]
      ), about = labels[[name]])
      features[[name]] <- found[["components"]]
      # Cells without a count are not measured in this modality.
      measured <- as.vector(reticulate::py_to_r(found[["measured"]])) + 1L
      rows[[name]] <- as.array(as.vector(rows[[name]])[measured])
      n_features[[name]] <- reticulate::py_to_r(found[["n_features"]])
    }
    # The copy of the counts goes now rather than when R next needs memory.
    gc(verbose = FALSE, full = FALSE)
  }
  kept <- measured_cells(rows, cells, whole, fn)
  if (length(kept) < length(cells)) {
    old <- cells
    cells <- cells[kept]
    coords <- coords[kept, , drop = FALSE]
    rows <- lapply(rows, function(own) row_numbers(old[own + 1L], cells))
  }
  progress <- new_progress(verbose)
  on.exit(progress$done(), add = TRUE, after = FALSE)
  result <- call_core(fn, core$run(
    features, rows, unname(coords), section_codes(sections, cells), section_codes(batches, cells),
    preset = given$preset, params = given$params, seed = seed, device = given$device,
    checkpoint = checkpoint, checkpoint_seconds = given$checkpoint_seconds,
    on_epoch = called_by_python(progress$step), notify = called_by_python(relay$notify)
  ))
  result <- reticulate::py_to_r(result)
  list(
    embedding = named_rows(result$embedding, cells),
    history = as_table(result$history),
    params = result$params,
    n.triplets = unlist(result$n_triplets),
    directions = as_table(result$directions),
    scales = as_table(result$scales),
    contributions = named_rows(result$contributions, cells, names(modalities)),
    n.features = n_features,
    versions = c(
      list(SpatialSMART = as.character(utils::packageVersion("SpatialSMART"))),
      reticulate::py_to_r(core$versions())
    )
  )
}

count_components <- function(core, name, input, sections, batches, given, seed, check.counts,
                             relay, label = name) {
  # Features x cells by columns is cells x features by rows: nothing is moved.
  hand_over <- function(parts) lapply(parts, function(x) reticulate::r_to_py(x)$T)
  joined <- isTRUE(input$joined)
  core$components(
    input$kind,
    if (joined) lapply(input$counts, hand_over) else hand_over(input_parts(input)),
    features = if (joined) {
      lapply(input$counts, function(parts) as.array(rownames(parts[[1]])))
    } else {
      as.array(rownames(input_parts(input)[[1]]))
    },
    sections = sections,
    batches = batches,
    align_sections = given$align_sections,
    n_comps = one_of_list(given$n_comps, name),
    n_features = one_of_list(given$n_features, name),
    min_spots = one_of_list(given$min_spots, name),
    clr = given$clr,
    steps = steps_for(input$kind, given$steps, name),
    controls = given$controls,
    check_counts = check.counts,
    seed = seed,
    notify = called_by_python(relay$notify_about(label))
  )
}

# Steps that are given for all modalities are those of measurements, not of vectors.
steps_for <- function(kind, steps, name) {
  if (!(kind == "embedding" && is.null(names(steps)))) one_of_list(steps, name)
}

check_components <- function(pcs, label, fn) {
  bad <- which(!is.finite(rowSums(pcs)))
  if (length(bad)) {
    smart_abort(c(
      "{label}: {length(bad)} of {nrow(pcs)} cells {cli::qty(length(bad))}{?has/have} components
       that are missing or infinite (first: {.val {rownames(pcs)[bad[1]]}}).",
      "i" = "Choose others of their dimensions, or make them again for these cells."
    ), fn = fn)
  }
}

# Cells that a modality or more has measured: the others are left out, aloud.
measured_cells <- function(rows, cells, whole = NULL, fn = "RunSMART") {
  kept <- sort(unique(unlist(lapply(rows, as.vector)))) + 1L
  lost <- length(cells) - length(kept)
  if (length(kept) == 0) {
    smart_abort("No cell has a count in any modality.", fn = fn)
  }
  if (lost > 0 && !is.null(whole)) {
    any <- paste0("nCount_", whole, " > 0", collapse = " | ")
    code <- sprintf("object <- subset(object, %s)", any)
    smart_abort(c(
      "{lost} of {length(cells)} cells {?has/have} no count in any modality (first:
       {.val {cells[-kept][1]}}).",
      "i" = "In Seurat 4 an embedding is of all cells. Remove these cells first:
             {.code {code}}."
    ), fn = fn)
  }
  if (lost > 0) {
    cli::cli_warn("{lost} of {length(cells)} cells {?has/have} no count in any modality and
      {?is/are} left out.")
  }
  kept
}

# Rows of `cells` in Python's counting; an array of one stays an array.
row_numbers <- function(these, cells) {
  rows <- match(these, cells)
  if (anyNA(rows)) {
    lost <- these[is.na(rows)]
    smart_abort("{length(lost)} cell{?s} {?has/have} no coordinates (first: {.val {lost[1]}}).")
  }
  as.array(rows - 1L)
}

# Sections or batches as numbers that sort as Python would sort the names.
section_codes <- function(sections, cells) {
  if (is.null(sections)) {
    return(NULL)
  }
  sections <- as.character(if (is.null(names(sections))) sections else sections[cells])
  as.array(match(sections, sort(unique(sections), method = "radix")))
}

# Columns as a data frame. Text comes as a list where there is none, numbers as arrays.
as_table <- function(columns) {
  as.data.frame(lapply(columns, function(x) if (is.list(x)) character() else as.vector(x)))
}

named_rows <- function(x, rows, columns = NULL) {
  dimnames(x) <- list(rows, columns)
  x
}

# Python's errors as R's, begun by what they are `about`, and interrupts as interrupts.
call_core <- function(fn, code, about = NULL) {
  reticulate::py_clear_last_error()
  tryCatch(code, error = function(e) abort_core(e, fn, about))
}

# Errors whose message is made for users.
plain_errors <- c(
  "ValueError", "TypeError", "KeyError", "RuntimeError", "FloatingPointError", "ImportError",
  "FileExistsError", "FileNotFoundError"
)

abort_core <- function(error, fn, about = NULL) {
  last <- reticulate::py_last_error()
  if (is.null(last)) {
    stop(error)
  }
  type <- sub("^.*\\.", "", last$type)
  # Of older versions of reticulate an interrupt comes as an error.
  if (type == "KeyboardInterrupt") {
    reticulate::py_clear_last_error()
    rlang::interrupt()
  }
  said <- as.character(last$value)
  # Python quotes the message of a KeyError.
  if (type == "KeyError") said <- sub("^(['\"])(.*)\\1$", "\\2", said)
  said <- in_r_words(said, fn)
  plain <- type %in% plain_errors
  smart_abort(
    c(
      "{if (!is.null(about)) paste0(about, ': ')}{if (!plain) paste0(type, ': ')}{said}",
      meant_value(said),
      "i" = if (grepl("sections share", said)) {
        "Sections are matched by {.fn rownames} of their counts, peaks by genomic overlap."
      },
      "i" = if (!plain) "{.run reticulate::py_last_error()} shows where in Python."
    ),
    fn = fn, class = c("smart_core_error", paste0("smart_", type))
  )
}
