# Which assays and reductions are used, as which modalities.

# Where each modality comes from, in words.
source_names <- function(plan) {
  source <- ifelse(is.na(plan$reduction), plan$assay, plan$reduction)
  ifelse(is.na(plan$type), source, paste(plan$type, "of", source))
}

# One row for each modality: its name, kind, assay, layer, type of features (or NA), and reduction (or
# NA).
plan_inputs <- function(reader, assays, modalities, layer, reduction, verbose = FALSE) {
  reductions <- match_reductions(reader, reduction)
  if (is.null(assays) && length(reductions)) {
    assays <- names(reductions)
  } else if (is.null(assays)) {
    assays <- choose_assays(reader, modalities, layer)
  } else {
    check_assays(assays, reader$assays)
  }
  given <- match_modalities(assays, modalities)
  kinds <- vapply(seq_along(assays), function(i) {
    if (is.na(given[[i]])) kind_in(reader, assays[[i]]) else given[[i]]
  }, "")
  known <- data.frame(
    assay = unname(assays),
    name = name_modalities(assays, ifelse(is.na(kinds), assays, kinds)),
    kind = kinds
  )
  check_named(layer, "layer")
  layer <- named_as(layer, "layer", known)
  reductions <- named_as(reductions, "reduction", known)
  parts <- lapply(seq_along(assays), function(i) {
    plan_assay(reader, assays[[i]], given[[i]], kinds[[i]], layer, reductions, verbose)
  })
  plan <- do.call(rbind, drop_twofold(parts, verbose))
  from_counts <- is.na(plan$reduction)
  unknown_kinds(plan$assay[from_counts & is.na(plan$kind)])
  # A name of the user's is that of the assay as a whole.
  whole <- !plan$assay %in% plan$assay[duplicated(plan$assay)]
  called <- stats::setNames(
    ifelse(is.na(plan$type), plan$assay, plan$type),
    ifelse(whole, (names(assays) %||% rep("", length(assays)))[match(plan$assay, assays)], "")
  )
  plan$name <- name_modalities(called, ifelse(is.na(plan$kind), plan$assay, plan$kind))
  plan
}

# The rows of one assay: one, or one for each type of features that it holds. `kind` is what the assay
# looks like, or what is `given`.
plan_assay <- function(reader, assay, given, kind, layer, reductions, verbose) {
  row <- function(kind, layer = NA_character_, type = NA_character_, reduction = NA_character_) {
    data.frame(
      name = rep("", length(kind)), kind = kind, assay = assay, layer = layer, type = type,
      reduction = reduction, stringsAsFactors = FALSE
    )
  }
  if (assay %in% names(reductions)) {
    return(row(kind, reduction = reductions[[assay]]))
  }
  layer <- one_of_list(layer, assay) %||% "counts"
  if (given %in% other_kinds) layer <- layer_of_values(reader, assay, layer)
  types <- if (reader$is_filled(assay, layer)) reader$types(assay, layer)
  if (length(types) < 2) {
    told <- if (is.na(given)) stats::na.omit(kind_of_type(types))
    return(row(c(told, kind)[1], layer))
  }
  used <- choose_types(assay, types, given, verbose)
  row(if (given %in% other_kinds) given else kind_of_type(used), layer, used)
}

# The layer of values that need not be counts: that of counts, unless it is empty.
layer_of_values <- function(reader, assay, layer) {
  if (layer != "counts" || reader$is_filled(assay, layer)) {
    return(layer)
  }
  usual <- c("data", "logcounts", "normcounts", "scale.data")
  filled <- vapply(usual, function(one) reader$is_filled(assay, one), NA)
  c(usual[filled], reader$layers(assay), layer)[1]
}

# What one assay holds among other types and another assay holds alone is taken from the latter.
drop_twofold <- function(parts, verbose) {
  alone <- unlist(lapply(parts, function(part) part$kind[is.na(part$type)]))
  lapply(parts, function(part) {
    twice <- !is.na(part$type) & part$kind %in% alone
    if (any(twice) && verbose) {
      smart_inform(c(
        "i" = "{.val {part$type[twice]}} of assay {.val {part$assay[1]}} {?is/are} not used: another
               assay is the {part$kind[twice]}."
      ))
    }
    part[!twice, ]
  })
}

# What an assay looks like, NA where nothing tells or it is none of the object.
kind_in <- function(reader, assay) {
  if (!assay %in% reader$assays) {
    return(NA_character_)
  }
  about <- reader$describe(assay)
  guess_kind(assay, about$classes, about$features)
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
      did_you_mean(unname(unknown), reader$reductions),
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

# The entry for an assay of an argument that is one value for all or named. `called`: names that
# the assay goes by, the first that is there counts.
one_of_list <- function(x, called) {
  if (is.null(names(x))) {
    return(if (is.list(x)) x[[1]] else x)
  }
  there <- called[called %in% names(x)]
  if (length(there)) x[[there[1]]]
}

# One value for all, or named by assay or modality: which these are is for `named_as()` to see.
check_named <- function(x, what) {
  if (is.null(names(x)) && is.list(x) && length(x) > 1) {
    smart_abort("{.arg {what}} must be named by assay or modality where it is a list.")
  }
}
