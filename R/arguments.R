# What arguments may hold: looked at before counts are read.

# What `...` may hold beside the method's parameters.
core_settings <- c(
  "preset", "n_neighbors", "device", "n_comps", "n_features", "min_spots", "clr", "controls",
  "align_sections", "checkpoint_seconds", "steps"
)

# `...` of FindSMARTClusters(), and of functions that take nothing more.
check_cluster_dots <- function(dots, fn = "FindSMARTClusters") {
  own <- c(
    "n.clusters", "reduction", "method", "n.pcs", "resolution", "cluster.name", "seed.use",
    "verbose"
  )
  check_argument_names(names_of_dots(dots), "n.neighbors", own, fn)
}

check_no_dots <- function(dots, own, fn) {
  check_argument_names(names_of_dots(dots), character(), setdiff(own, c("object", "...")), fn)
}

names_of_dots <- function(dots) names(dots) %||% rep("", length(dots))

# What `...` of RunSMART() and its other arguments hold, for what `plan` says is there. `own`:
# arguments of the method. What R can tell comes first, for the rest starts Python.
check_settings <- function(dots, own, plan, seed.use = 42, check.counts = TRUE, verbose = TRUE,
                           fn = "RunSMART") {
  check_flag(check.counts, "check.counts", fn)
  check_flag(verbose, "verbose", fn)
  check_seed(seed.use, fn)
  given <- gsub(".", "_", names_of_dots(dots), fixed = TRUE)
  values <- stats::setNames(dots, given)
  check_core_settings(values, fn)
  by_modality(values, plan, fn)
  core <- core(fn, verbose)
  given <- core_arguments(dots, core, unique(plan$name), fn, own, plan)
  call_core(fn, core$check(given$preset, given$params, given$device))
  invisible()
}

check_core_settings <- function(values, fn) {
  for (name in c("preset", "device")) {
    if (!is.null(values[[name]])) check_name(values[[name]], name, fn)
  }
  for (name in c("controls", "align_sections")) {
    if (!is.null(values[[name]])) check_flag(values[[name]], gsub("_", ".", name), fn)
  }
  for (name in c("n_comps", "min_spots", "n_features")) {
    for (value in as.list(values[[name]])) check_whole_setting(value, name, fn)
  }
  check_steps(values[["steps"]], fn)
  clr <- values[["clr"]]
  if (!is.null(clr) && !(rlang::is_string(clr) && clr %in% c("protein", "spot"))) {
    smart_abort(c(
      "{.arg clr} must be {.val protein} or {.val spot}, not {.val {clr}}.",
      did_you_mean(clr, c("protein", "spot"), list(cell = "spot", margin2 = "spot"))
    ), fn = fn)
  }
}

value_steps <- c("total", "log1p", "scale", "none")

check_steps <- function(steps, fn) {
  given <- unlist(steps, use.names = FALSE)
  wrong <- given[!given %in% value_steps]
  if (!is.null(steps) && (!is.character(given) || anyNA(given) || length(wrong))) {
    smart_abort(c(
      "{.arg steps} must be among {.val {value_steps}}, not {.val {wrong}}.",
      if (is.character(wrong)) {
        did_you_mean(wrong, value_steps, list(tic = "total", log = "log1p", z = "scale"))
      },
      "i" = "Such as {.code steps = c(\"total\", \"log1p\", \"scale\")}, or a list of such named by
             assay."
    ), fn = fn)
  }
}

check_whole_setting <- function(value, name, fn) {
  least <- if (name == "min_spots") 0 else 1
  if (is.null(value) || (name == "n_features" && identical(value, Inf))) {
    return(invisible())
  }
  if (!rlang::is_scalar_integerish(value, finite = TRUE) || value < least) {
    what <- gsub("_", ".", name)
    smart_abort(c(
      "{.arg {what}} must be a whole number from {least} up, not {.val {value}}.",
      "i" = if (name == "n_features") "{.code n.features = Inf} takes all."
    ), fn = fn)
  }
}

# Arguments that may be named, by assay or modality ----

# Settings of the core with their names made those of the modalities.
by_modality <- function(values, plan, fn = "RunSMART") {
  named <- c("n.comps", "n.features", "min.spots", "alpha", "steps")
  for (name in names(values)[gsub("_", ".", names(values), fixed = TRUE) %in% named]) {
    what <- gsub("_", ".", name, fixed = TRUE)
    if (name == "alpha" && !is.null(values[[name]]) && is.null(names(values[[name]]))) {
      smart_abort(c(
        "{.arg alpha} must be named by modality: {.val {unique(plan$name)}}.",
        "i" = "Such as {.code alpha = c({backticked(plan$name[1])} = 2)}."
      ), fn = fn)
    }
    values[[name]] <- named_as(values[[name]], what, plan, "name", fn)
  }
  values
}

# `x`, named by assays, modalities or reductions, with names of the kind that `to` says: "assay" or
# "name", that of the modality.
named_as <- function(x, what, plan, to = "assay", fn = "RunSMART") {
  if (is.null(names(x))) {
    return(x)
  }
  places <- lapply(names(x), function(given) plan_rows(given, plan))
  unknown <- names(x)[lengths(places) == 0]
  if (length(unknown)) {
    assays <- unique(plan$assay)
    modalities <- unique(plan$name)
    meant <- did_you_mean(unknown, c(assays, modalities))
    smart_abort(c(
      "{.arg {what}} names {.val {unknown}}, which {?is/are} neither an assay nor a modality in
       use.",
      meant,
      "i" = if (setequal(assays, modalities)) {
        "There {cli::qty(assays)}{?is/are} {.val {assays}}."
      } else {
        "The assay{cli::qty(assays)}{?s} {?is/are} {.val {assays}}, the
         modalit{cli::qty(modalities)}{?y/ies} {.val {modalities}}."
      }
    ), fn = fn)
  }
  # A kind that several have is that of all of them.
  at <- rep(seq_along(places), lengths(places))
  found <- plan[[to]][unlist(places)]
  once <- !duplicated(data.frame(at, found))
  found <- found[once]
  at <- at[once]
  if (anyDuplicated(found)) {
    twice <- found[anyDuplicated(found)]
    smart_abort(
      "{.arg {what}} says more than one thing of {.val {twice}}: it names
       {.val {names(x)[at[found == twice]]}}.",
      fn = fn
    )
  }
  stats::setNames(x[at], found)
}

# Rows of the plan that a name stands for: assays before modalities, before kinds and reductions.
plan_rows <- function(given, plan) {
  for (column in intersect(c("assay", "name", "kind", "reduction"), names(plan))) {
    rows <- which(plan[[column]] %in% given)
    if (length(rows)) {
      return(rows)
    }
  }
  integer()
}

# `...` sorted into what the core takes; its names are those of Python.
core_arguments <- function(dots, core, modalities, fn = "RunSMART", own = character(),
                           plan = data.frame(assay = modalities, name = modalities)) {
  known <- c(core_settings, setdiff(reticulate::py_to_r(core$parameters()), core_settings))
  given <- gsub(".", "_", names_of_dots(dots), fixed = TRUE)
  unknown <- !given %in% known
  check_argument_names(
    c(names_of_dots(dots)[unknown], gsub("_", ".", given[!unknown])), gsub("_", ".", known),
    setdiff(own, c("object", "...")), fn
  )
  twice <- unique(given[duplicated(given)])
  if (length(twice)) {
    smart_abort("{.arg {gsub('_', '.', twice)}} {?is/are} given more than once.", fn = fn)
  }
  names(dots) <- given
  dots <- by_modality(dots, plan, fn)
  check_core_settings(dots, fn)
  if (!is.null(dots[["alpha"]])) dots[["alpha"]] <- as.list(dots[["alpha"]])
  for_params <- !given %in% setdiff(core_settings, "n_neighbors")
  list(
    preset = dots[["preset"]] %||% "robust",
    device = dots[["device"]] %||% "auto",
    checkpoint_seconds = dots[["checkpoint_seconds"]] %||% 60,
    n_comps = dots[["n_comps"]],
    n_features = dots[["n_features"]],
    min_spots = dots[["min_spots"]],
    clr = dots[["clr"]],
    steps = dots[["steps"]],
    controls = dots[["controls"]] %||% FALSE,
    align_sections = dots[["align_sections"]] %||% TRUE,
    # A list without entries would be no dict in Python.
    params = reticulate::py_dict(as.list(given[for_params]), unname(dots[for_params]))
  )
}

# Path of the file of a training's state, whole: Python knows another working directory where
# setwd() was called.
check_checkpoint <- function(checkpoint, fn = "RunSMART") {
  if (is.null(checkpoint)) {
    return(NULL)
  }
  check_name(checkpoint, "checkpoint", fn)
  path <- path.expand(checkpoint)
  folder <- dirname(path)
  wrong <- if (dir.exists(path)) {
    "{.file {checkpoint}} is a folder."
  } else if (!dir.exists(folder)) {
    "There is no folder {.file {folder}}."
  } else if (file.access(folder, 2) != 0) {
    "The folder {.file {folder}} cannot be written to."
  } else if (file.exists(path) && !identical(readBin(path, "raw", 2), charToRaw("PK"))) {
    "{.file {checkpoint}} is there, and is not the state of a training."
  }
  if (!is.null(wrong)) {
    smart_abort(c(
      "{.arg checkpoint} must name a file for the state of the training, in a folder that
       is there.",
      "x" = wrong
    ), fn = fn)
  }
  file.path(normalizePath(folder), basename(path))
}

check_flag <- function(x, what, fn = "RunSMART") {
  if (!is.logical(x) || length(x) != 1 || is.na(x)) {
    smart_abort("{.arg {what}} must be TRUE or FALSE, not {.obj_type_friendly {x}}.", fn = fn)
  }
  x
}

check_seed <- function(seed.use, fn = "RunSMART") {
  most <- .Machine$integer.max
  if (!rlang::is_scalar_integerish(seed.use, finite = TRUE) || seed.use < 0 || seed.use > most) {
    smart_abort(
      "{.arg seed.use} must be one whole number from 0 to {most}, not
       {if (length(seed.use) == 1) cli::format_inline('{.val {seed.use}}') else
       cli::format_inline('{.obj_type_friendly {seed.use}}')}.",
      fn = fn
    )
  }
  as.integer(seed.use)
}
