# Sections of a list of objects as one input, and its result for each of them.

section_names <- function(object, fn = "RunSMART") {
  names <- names(object) %||% as.character(seq_along(object))
  bad <- names[!nzchar(names) | duplicated(names)]
  if (length(bad)) {
    smart_abort(c(
      "Names of the sections must be unique, and {.val {unique(bad)}} {?is/are} not.",
      "i" = "Name every object in the list, or none."
    ), fn = fn)
  }
  names
}

# Assays that one of the objects lacks are missing from its cells.
section_assays <- function(x, assays, object) {
  if (is.null(assays)) {
    return(NULL)
  }
  there <- reader_of(x)$assays
  all <- unique(unlist(lapply(object, function(other) reader_of(other)$assays)))
  check_assays(assays, all)
  here <- assays[assays %in% there]
  if (length(here) == 0) {
    smart_abort(c(
      "It has none of the assays {.val {unname(assays)}}.",
      "i" = "It has {.val {there}}."
    ))
  }
  here
}

section_coords <- function(coords, names) {
  if (is.null(coords)) {
    return(stats::setNames(vector("list", length(names)), names))
  }
  if (!is.list(coords) || is.data.frame(coords) || length(coords) != length(names)) {
    smart_abort("{.arg coords} must be a list of {length(names)} matrices, one for each section.")
  }
  if (is.null(names(coords))) {
    return(coords)
  }
  unknown <- setdiff(names, names(coords))
  if (length(unknown)) {
    smart_abort("{.arg coords} has nothing for section{?s} {.val {unknown}}.")
  }
  coords[names]
}

# The column of each object that `batch.by` names, or its value for each.
section_batches <- function(batch.by, names) {
  if (is.null(batch.by) || (rlang::is_string(batch.by) && is.null(names(batch.by)))) {
    return(list(column = batch.by))
  }
  if (!is.atomic(batch.by) || length(batch.by) != length(names) || anyNA(batch.by)) {
    smart_abort(c(
      "{.arg batch.by} must name one column of the metadata, or hold one value for each of the
       {length(names)} object{?s}.",
      "x" = "It is {.obj_type_friendly {batch.by}} of length {length(batch.by)}{if (anyNA(batch.by)) ',
             with missing values'}."
    ))
  }
  values <- stats::setNames(as.character(batch.by), names(batch.by))
  if (!is.null(names(values))) {
    unknown <- setdiff(names, names(values))
    if (length(unknown)) {
      smart_abort("{.arg batch.by} has nothing for section{?s} {.val {unknown}}.")
    }
    values <- values[names]
  }
  list(values = unname(values))
}

prefixed <- function(section, cells) paste0(section, ":", cells)

# What was collected from each object as one input: cells go by section and name.
combine_sections <- function(parts, names) {
  modalities <- unique(unlist(lapply(parts, function(part) names(part$modalities))))
  joined <- lapply(stats::setNames(modalities, modalities), function(name) {
    here <- which(vapply(parts, function(part) !is.null(part$modalities[[name]]), NA))
    inputs <- lapply(parts[here], function(part) part$modalities[[name]])
    join_inputs(inputs, names[here], name)
  })
  check_common_cells(lapply(joined, input_cells))
  coords <- Map(function(part, section) {
    rownames(part$coords) <- prefixed(section, rownames(part$coords))
    part$coords
  }, parts, names)
  sections <- Map(function(part, section) {
    cells <- rownames(part$coords)
    own <- if (is.null(part$sections)) section else prefixed(section, part$sections[cells])
    stats::setNames(rep_len(own, length(cells)), prefixed(section, cells))
  }, parts, names)
  # A batch is the same one by its name in all sections.
  batches <- Map(function(part, section) {
    if (!is.null(part$batches)) {
      stats::setNames(part$batches, prefixed(section, names(part$batches)))
    }
  }, parts, names)
  about <- do.call(rbind, lapply(parts, `[[`, "about"))
  about <- about[match(modalities, about$modality), ]
  about$n.features <- vapply(joined, input_width, 1L)
  about$n.cells <- lengths(lapply(joined, input_cells))
  rownames(about) <- NULL
  list(
    modalities = joined,
    coords = stack_rows(unname(coords)),
    sections = if (length(unique(unlist(sections))) > 1) unlist(unname(sections)),
    batches = unlist(unname(batches)),
    about = about,
    chosen = unique(unlist(lapply(parts, `[[`, "chosen")))
  )
}

join_inputs <- function(inputs, sections, name) {
  kinds <- unique(vapply(inputs, function(input) input$kind %||% "reduction", ""))
  if (length(kinds) > 1) {
    smart_abort("Modality {.val {name}} is {.val {kinds}} in different sections.")
  }
  if (is.null(inputs[[1]]$counts)) {
    widths <- vapply(inputs, function(input) ncol(input$pcs), 1L)
    if (length(unique(widths)) > 1) {
      smart_abort(c(
        "Reductions of {.val {name}} have {.val {widths}} dimensions in different sections.",
        "i" = "They must be dimensions of one space, found for all sections together."
      ))
    }
    pcs <- Map(function(input, section) {
      rownames(input$pcs) <- prefixed(section, rownames(input$pcs))
      unname_columns(input$pcs)
    }, inputs, sections)
    return(list(kind = NULL, counts = NULL, pcs = do.call(rbind, unname(pcs))))
  }
  counts <- Map(function(input, section) {
    lapply(unname(input_parts(input)), function(x) {
      colnames(x) <- prefixed(section, colnames(x))
      x
    })
  }, inputs, sections)
  names(counts) <- sections
  if (length(counts) == 1) {
    own <- counts[[1]]
    return(list(kind = kinds, counts = if (length(own) == 1) own[[1]] else own, pcs = NULL))
  }
  for (section in sections) check_unique_features(rownames(counts[[section]][[1]]), name, section)
  # Which features they share is for the core to find.
  list(kind = kinds, counts = counts, pcs = NULL, joined = TRUE)
}

check_unique_features <- function(features, name, section) {
  twice <- unique(features[duplicated(features)])
  if (length(twice)) {
    smart_abort(c(
      "{length(twice)} feature{?s} of {.val {name}} share{?s/} a name with another in section
       {.val {section}} (first: {.val {twice[1]}}).",
      "i" = "Sections are matched by the names of their features: {.fn make.unique} gives each its
             own."
    ))
  }
}

section_of_result <- function(result, section, cells) {
  rows <- prefixed(section, cells)
  # Cells without a count were left out.
  there <- rows %in% rownames(result$embedding)
  rows <- rows[there]
  cells <- cells[there]
  rename <- function(x) {
    if (is.null(x)) {
      return(NULL)
    }
    x <- x[rows, , drop = FALSE]
    rownames(x) <- cells
    x
  }
  result$embedding <- rename(result$embedding)
  result$contributions <- rename(result$contributions)
  domains_of_section(result, section, cells)
}
