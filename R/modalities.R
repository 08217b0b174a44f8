# Which assay is which modality, from its class, its features and its name.

modality_kinds <- c("rna", "protein", "chromatin")

kind_patterns <- c(
  chromatin = paste0(
    "atac|peak|chromatin|histone|h[234][ab]?k[0-9]+|cut.?(and|n|&)?.?(tag|run)|",
    "tiles?$|dnase"
  ),
  protein = "adt|prot|^ab$|^ab[._-]|antibod|cite|^pro$|^csp$|epitope|codex|phenocycler",
  rna = paste0(
    "rna|spatial|sct|gex|gene|transcript|xenium|nanostring|vizgen|merfish|merscope|cosmx|",
    "^main$|visium|slide.?seq|expression|starmap|^originalexp$|^logcounts$|^counts$"
  )
)

# Assays made from others, or of no use for domains.
derived_assays <- paste0(
  "^integrated|predict|imputed|magic|alra|chromvar|^hto|hashtag|activity|control|blank|",
  "unassigned|module"
)

peak_pattern <- "^(chr)?[A-Za-z0-9]+[-:_][0-9]+[-_:][0-9]+$"
gene_pattern <- "^ENS[A-Z]*G[0-9]{6,}"
# Fewer features than this are no transcriptome.
least_genes <- 400

# "rna", "protein" or "chromatin", or NA where nothing tells.
guess_kind <- function(name, classes = character(), features = character()) {
  if ("ChromatinAssay" %in% classes) {
    return("chromatin")
  }
  some <- utils::head(features, 1000)
  if (length(some) && mean(grepl(peak_pattern, some)) > 0.8) {
    return("chromatin")
  }
  if ("SCTAssay" %in% classes) {
    return("rna")
  }
  named <- names(kind_patterns)[vapply(kind_patterns, grepl, NA, x = name, ignore.case = TRUE)]
  if (length(named)) {
    return(named[1])
  }
  if (length(features) >= least_genes || (length(some) && mean(grepl(gene_pattern, some)) > 0.8)) {
    return("rna")
  }
  NA_character_
}

unknown_kinds <- function(assays) {
  if (length(assays) == 0) {
    return(invisible())
  }
  example <- paste0("modalities = c(", backticked(assays[1]), " = \"rna\")")
  smart_abort(c(
    "Cannot tell which modality {.val {assays}} {?is/are}.",
    "i" = "Say so: {.code {example}}; the modalities are {.or {.val {modality_kinds}}}."
  ))
}

# `modalities` in the order of `assays`, NA where it says nothing.
match_modalities <- function(assays, modalities) {
  if (is.null(modalities)) {
    # Names of `assays` may say it: c(rna = "Spatial").
    said <- names(assays) %||% rep(NA_character_, length(assays))
    return(ifelse(said %in% modality_kinds, said, NA_character_))
  }
  modalities <- unlist(modalities)
  wrong <- setdiff(modalities, modality_kinds)
  if (!is.character(modalities) || length(wrong)) {
    smart_abort(c(
      "{.arg modalities} must be {.or {.val {modality_kinds}}}, not {.val {wrong}}.",
      "i" = "Name them by assay: {.code modalities = c(Spatial = \"rna\", ADT = \"protein\")}."
    ))
  }
  if (is.null(names(modalities))) {
    if (length(modalities) != length(assays)) {
      smart_abort(c(
        "{.arg modalities} has {length(modalities)} value{?s} for {length(assays)} assay{?s}.",
        "i" = "The assays are {.val {unname(assays)}}."
      ))
    }
    return(unname(modalities))
  }
  unknown <- setdiff(names(modalities), assays)
  if (length(unknown)) {
    smart_abort(c(
      "{.arg modalities} names {.val {unknown}}, which {?is/are} not among the assays.",
      "i" = "The assays are {.val {unname(assays)}}."
    ))
  }
  unname(modalities[unname(assays)])
}

# The assays to use where none are named: one for each modality.
choose_assays <- function(there, default, describe, modalities = NULL, is_filled) {
  if (!is.null(names(modalities))) {
    # Assays whose modality is given are meant to be used.
    return(check_assays(names(modalities), there))
  }
  filled <- Filter(is_filled, there)
  if (length(there) == 1 || length(filled) == 1) {
    # Where it is empty, reading it says so better.
    return(if (length(filled)) filled else there)
  }
  if (length(filled) == 0) {
    smart_abort(c(
      "No assay has anything in the layer asked for.",
      "i" = "The assays are {.val {there}}; see {.arg assays}, {.arg layer} and {.arg reduction}."
    ))
  }
  first_hand <- filled[!grepl(derived_assays, filled, ignore.case = TRUE)]
  kinds <- vapply(first_hand, function(name) {
    about <- describe(name)
    guess_kind(name, about$classes, about$features)
  }, "")
  transformed <- vapply(first_hand, function(name) "SCTAssay" %in% describe(name)$classes, NA)
  if (any(kinds == "rna" & !transformed, na.rm = TRUE)) {
    kinds[transformed] <- NA
  }
  chosen <- vapply(unique(stats::na.omit(kinds)), function(kind) {
    these <- first_hand[kinds %in% kind]
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
  if (length(chosen) == 0) {
    smart_abort(c(
      "Cannot tell the modality of any assay ({.val {filled}}).",
      "i" = "Name them with {.arg assays} and {.arg modalities}."
    ))
  }
  unname(chosen[order(match(chosen, there))])
}

check_assays <- function(assays, there) {
  if (!is.character(assays) || length(assays) == 0 || anyNA(assays)) {
    smart_abort("{.arg assays} must be names of assays, not {.obj_type_friendly {assays}}.")
  }
  unknown <- setdiff(assays, there)
  if (length(unknown)) {
    smart_abort(c(
      "There is no assay {.val {unknown}}.",
      "i" = "The object has {.val {there}}."
    ))
  }
  if (anyDuplicated(assays)) {
    smart_abort("{.arg assays} names {.val {unique(assays[duplicated(assays)])}} more than once.")
  }
  assays
}

# Names of the modalities: the user's, or their kinds where these are unique.
name_modalities <- function(assays, kinds) {
  own <- names(assays)
  if (!is.null(own) && all(nzchar(own)) && !anyDuplicated(own)) {
    return(own)
  }
  unname(ifelse(kinds %in% kinds[duplicated(kinds)], assays, kinds))
}

say_modalities <- function(about, left_out = character()) {
  kind <- ifelse(is.na(about$kind) | about$kind == about$modality, "", paste0(", ", about$kind))
  what <- paste0(about$source, " (", about$modality, kind, ")")
  smart_inform(c(
    "i" = "Modalit{cli::qty(what)}{?y/ies}: {what}.",
    if (length(left_out)) c(" " = "Not used: {.val {left_out}}. {.arg assays} would say otherwise.")
  ))
}

backticked <- function(name) {
  if (make.names(name) == name) name else paste0("`", name, "`")
}
