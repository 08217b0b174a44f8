# Which assays are used where none are named, and whether those named are there.

# The assays to use where none are named: one for each modality.
choose_assays <- function(reader, modalities = NULL, layer = "counts") {
  there <- reader$assays
  if (!is.null(names(modalities))) {
    # Assays whose modality is given are meant to be used.
    return(check_assays(names(modalities), there))
  }
  if (length(there) == 1) {
    # Where it is empty, reading it says so better.
    return(there)
  }
  layer_of <- function(assay) one_of_list(layer, c(assay, kind_in(reader, assay))) %||% "counts"
  is_filled <- vapply(there, function(assay) reader$is_filled(assay, layer_of(assay)), NA)
  if (!any(is_filled)) {
    smart_abort(c(
      "No assay has raw counts: {.val {unique(vapply(there, layer_of, ''))}} is missing or empty in
       each.",
      held_layers(reader, there),
      "i" = "If the counts have another name, give it: {.code layer = \"...\"}. To start from
             components of your own, give {.arg reduction}."
    ))
  }
  kinds <- assay_kinds(reader, there, layer_of, is_filled)
  chosen <- choose_by_kind(kinds[is_filled], reader$default)
  covered <- unlist(kinds[chosen])
  missed <- Filter(function(assay) any(!kinds[[assay]] %in% covered), there[!is_filled])
  if (length(missed)) {
    assay <- missed[1]
    smart_abort(c(
      "Assay {.val {assay}} looks like {kinds[[assay]]}, but has no raw counts: its layer
       {.val {layer_of(assay)}} is missing or empty.",
      held_layers(reader, assay),
      "i" = "If its counts have another name, give it:
             {.code layer = c({backticked(assay)} = \"...\")}.",
      "i" = "To do without this assay, name the others: {.code assays = {code_of(chosen)}}."
    ))
  }
  if (length(chosen) == 0) {
    if (sum(is_filled) == 1) {
      return(there[is_filled])
    }
    smart_abort(c(
      "Cannot tell the modality of any assay ({.val {there[is_filled]}}).",
      "i" = "Name them with {.arg assays} and {.arg modalities}."
    ))
  }
  chosen
}

# The modalities that each assay holds, at first hand: none for what is derived from other assays.
assay_kinds <- function(reader, assays, layer_of, is_filled) {
  kinds <- lapply(assays, function(assay) {
    if (grepl(derived_assays, assay, ignore.case = TRUE)) {
      return(character())
    }
    types <- if (is_filled[[assay]]) reader$types(assay, layer_of(assay))
    found <- intersect(kind_of_type(types), modality_kinds)
    if (length(found) == 0) found <- kind_in(reader, assay)
    as.character(stats::na.omit(found))
  })
  names(kinds) <- assays
  # Normalised by SCTransform(), an assay is derived from another one of RNA.
  transformed <- vapply(assays, function(name) "SCTAssay" %in% reader$describe(name)$classes, NA)
  if ("rna" %in% unlist(kinds[is_filled & !transformed])) {
    kinds[transformed] <- list(character())
  }
  kinds
}

# One assay for each modality: the default where there are several, and one that holds this modality
# alone before one that holds others, too.
choose_by_kind <- function(kinds, default) {
  chosen <- vapply(unique(unlist(kinds)), function(kind) {
    these <- names(kinds)[vapply(kinds, function(own) kind %in% own, NA)]
    alone <- these[lengths(kinds[these]) == 1]
    if (length(alone)) these <- alone
    if (length(these) > 1 && default %in% these) {
      these <- default
    }
    if (length(these) > 1) {
      smart_abort(c(
        "Assays {.val {these}} all look like {kind}.",
        "i" = "Name those to use with {.arg assays}."
      ))
    }
    these
  }, "")
  intersect(names(kinds), chosen)
}

# What the assays hold, a line each.
held_layers <- function(reader, assays) {
  lines <- vapply(assays, function(assay) {
    there <- reader$layers(assay)
    there <- if (length(there)) paste0("\"", there, "\"", collapse = ", ") else "nothing"
    escape_braces(paste0("\"", assay, "\" has ", there, "."))
  }, "")
  stats::setNames(lines, rep("x", length(lines)))
}

check_assays <- function(assays, there) {
  if (!is.character(assays) || length(assays) == 0 || anyNA(assays)) {
    smart_abort(c(
      "{.arg assays} must be names of assays, not {.obj_type_friendly {assays}}.",
      "i" = "The object has {.val {there}}."
    ))
  }
  unknown <- setdiff(assays, there)
  if (length(unknown)) {
    smart_abort(c(
      "There is no assay {.val {unknown}}.",
      meant_assays(unknown, there),
      "i" = "The object has {.val {there}}."
    ))
  }
  if (anyDuplicated(assays)) {
    smart_abort("{.arg assays} names {.val {unique(assays[duplicated(assays)])}} more than once.")
  }
  assays
}

# By its name, or the only one that looks like the same modality.
meant_assays <- function(unknown, there) {
  meant <- vapply(unknown, function(one) {
    near <- nearest_name(one, there)
    kinds <- vapply(there, guess_kind, "")
    alike <- there[kinds %in% guess_kind(one) & !is.na(kinds)]
    if (is.na(near) && length(alike) == 1) alike else near
  }, "")
  did_you_mean(stats::na.omit(meant), there)
}
