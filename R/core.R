# Handing over to the Python core, and back.

# What `...` may hold beside the method's parameters.
core_settings <- c(
  "preset", "n_neighbors", "device", "n_comps", "n_features", "min_spots", "clr", "controls",
  "align_sections"
)

# Embeds cells.
#   modalities  named list of list(kind, counts, pcs): counts features x cells, a dgCMatrix or a
#               list of such with the same features and different cells; or pcs cells x d. Where
#               `joined` is TRUE, counts are a list of such by object, each with its own features
#   coords      cells x 2|3, with the names of all cells
#   sections    named by cell, or NULL
#   batches     named by cell; NULL: the sections
#   whole       name of an assay where the object can only hold an embedding of all its cells
#   ...         the core's parameters, words separated by dots or underscores
# Returns list(embedding, history, params, n.triplets, directions, scales, contributions, n.features,
# versions).
run_core <- function(modalities, coords, sections = NULL, batches = NULL, ..., seed.use = 42,
                     check.counts = TRUE, verbose = TRUE, whole = NULL, fn = "RunSMART") {
  seed <- check_seed(seed.use, fn)
  core <- core(fn)
  given <- core_arguments(list(...), core, names(modalities), fn)
  cells <- rownames(coords)
  relay <- new_relay(verbose)
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
      features[[name]] <- reticulate::r_to_py(unname_columns(input$pcs))
      n_features[[name]] <- ncol(input$pcs)
    } else {
      cells_here <- input_cells(input)
      found <- call_core(fn, count_components(
        core, name, input, section_codes(sections, cells_here), section_codes(batches, cells_here),
        given, seed, check.counts, relay
      ), about = if (isTRUE(input$joined)) name)
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
                             relay) {
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
    controls = given$controls,
    check_counts = check.counts,
    seed = seed,
    notify = called_by_python(relay$notify_about(name))
  )
}

# `...` sorted into what the core takes; its names are those of Python.
core_arguments <- function(dots, core, modalities, fn = "RunSMART") {
  known <- c(core_settings, setdiff(reticulate::py_to_r(core$parameters()), core_settings))
  names <- gsub(".", "_", names(dots) %||% rep("", length(dots)), fixed = TRUE)
  unknown <- setdiff(names, known)
  if (length(unknown)) {
    unknown <- ifelse(nzchar(unknown), gsub("_", ".", unknown), "(without a name)")
    known <- cli::cli_vec(gsub("_", ".", known), list("vec-trunc" = Inf))
    smart_abort(c(
      "{cli::qty(unknown)}Unknown argument{?s}: {.arg {unknown}}.",
      "i" = "Beside those of the method for this class there are {.arg {known}}."
    ), fn = fn)
  }
  twice <- unique(names[duplicated(names)])
  if (length(twice)) {
    smart_abort("{.arg {gsub('_', '.', twice)}} {?is/are} given more than once.", fn = fn)
  }
  names(dots) <- names
  for (name in intersect(c("n_comps", "n_features", "min_spots", "alpha"), names)) {
    check_modality_names(dots[[name]], gsub("_", ".", name), modalities, fn)
  }
  if (!is.null(dots[["alpha"]])) {
    if (is.null(names(dots[["alpha"]]))) {
      smart_abort("{.arg alpha} must be named by modality: {.val {modalities}}.", fn = fn)
    }
    dots[["alpha"]] <- as.list(dots[["alpha"]])
  }
  for_params <- !names %in% setdiff(core_settings, "n_neighbors")
  list(
    preset = dots[["preset"]] %||% "robust",
    device = dots[["device"]] %||% "auto",
    n_comps = dots[["n_comps"]],
    n_features = dots[["n_features"]],
    min_spots = dots[["min_spots"]],
    clr = dots[["clr"]],
    controls = check_flag(dots[["controls"]] %||% FALSE, "controls", fn),
    align_sections = check_flag(dots[["align_sections"]] %||% TRUE, "align.sections", fn),
    # A list without entries would be no dict in Python.
    params = reticulate::py_dict(as.list(names[for_params]), unname(dots[for_params]))
  )
}

check_modality_names <- function(x, what, modalities, fn) {
  unknown <- setdiff(names(x), modalities)
  if (length(unknown)) {
    smart_abort(c(
      "{.arg {what}} names {.val {unknown}}.",
      "i" = "The modalities are {.val {modalities}}."
    ), fn = fn)
  }
}

check_flag <- function(x, what, fn) {
  if (!is.logical(x) || length(x) != 1 || is.na(x)) {
    smart_abort("{.arg {what}} must be TRUE or FALSE, not {.obj_type_friendly {x}}.", fn = fn)
  }
  x
}

# Cells that a modality or more has measured: the others are left out, aloud.
measured_cells <- function(rows, cells, whole = NULL, fn = "RunSMART") {
  kept <- sort(unique(unlist(lapply(rows, as.vector)))) + 1L
  lost <- length(cells) - length(kept)
  if (length(kept) == 0) {
    smart_abort("No cell has a count in any modality.", fn = fn)
  }
  if (lost > 0 && !is.null(whole)) {
    code <- sprintf("object <- subset(object, nCount_%s > 0)", whole)
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

check_seed <- function(seed.use, fn = "RunSMART") {
  most <- .Machine$integer.max
  if (!rlang::is_scalar_integerish(seed.use, finite = TRUE) || seed.use < 0 || seed.use > most) {
    smart_abort(
      "{.arg seed.use} must be one whole number from 0 to {most}, not {.val {seed.use}}.",
      fn = fn
    )
  }
  as.integer(seed.use)
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
  "ValueError", "TypeError", "KeyError", "RuntimeError", "FloatingPointError", "ImportError"
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
  plain <- type %in% plain_errors
  smart_abort(
    c(
      "{if (!is.null(about)) paste0(about, ': ')}{if (!plain) paste0(type, ': ')}{said}",
      "i" = if (grepl("sections share", said)) {
        "Sections are matched by {.fn rownames} of their counts, peaks by genomic overlap."
      },
      "i" = if (!plain) "{.run reticulate::py_last_error()} shows where in Python."
    ),
    fn = fn, class = c("smart_core_error", paste0("smart_", type))
  )
}
