# Which assay is which modality, from its class, its features and its name.

modality_kinds <- c("rna", "protein", "chromatin")
# What only a user can say: measurements of any sort, and vectors that are ready.
other_kinds <- c("other", "embedding")
given_kinds <- c(modality_kinds, other_kinds)

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
    "i" = "Say so: {.code {example}}; the modalities are {.or {.val {modality_kinds}}}.",
    "i" = "Measurements of another sort, such as metabolites, are {.val other}; vectors that are
           ready, such as features of the histology, {.val embedding}."
  ))
}

# `modalities` in the order of `assays`, NA where it says nothing.
match_modalities <- function(assays, modalities) {
  if (is.null(modalities)) {
    # Names of `assays` may say it: c(rna = "Spatial").
    said <- names(assays) %||% rep(NA_character_, length(assays))
    return(ifelse(said %in% given_kinds, said, NA_character_))
  }
  modalities <- lower_case(unlist(modalities))
  wrong <- unique(modalities[!modalities %in% given_kinds])
  if (!is.character(modalities) || length(wrong)) {
    smart_abort(c(
      "{.arg modalities} must be {.or {.val {given_kinds}}}, not {.val {wrong}}.",
      meant_kind(wrong),
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
  check_named_modalities(modalities, assays)
  unname(modalities[unname(assays)])
}

check_named_modalities <- function(modalities, assays) {
  unknown <- setdiff(names(modalities), assays)
  if (length(unknown)) {
    smart_abort(c(
      "{.arg modalities} names {.val {unknown}}, which {?is/are} not among the assays.",
      did_you_mean(unknown, assays),
      "i" = "The assays are {.val {unname(assays)}}."
    ))
  }
}

# "RNA" is "rna"; names and what is no text stay.
lower_case <- function(x) {
  if (is.character(x)) x[] <- tolower(x)
  x
}

# What an assay called like the value would be.
meant_kind <- function(given) {
  if (!is.character(given)) {
    return(NULL)
  }
  meant <- vapply(given, function(one) {
    near <- nearest_name(one, given_kinds)
    if (is.na(near)) guess_kind(one) else near
  }, "")
  meant <- unique(stats::na.omit(meant))
  did_you_mean(meant, given_kinds)
}

# Names of the modalities: the user's, or their kinds where these are unique and say something.
name_modalities <- function(assays, kinds) {
  own <- names(assays)
  if (!is.null(own) && all(nzchar(own)) && !anyDuplicated(own)) {
    return(own)
  }
  unname(ifelse(kinds %in% c(kinds[duplicated(kinds)], other_kinds), assays, kinds))
}

say_modalities <- function(about, left_out = character()) {
  kind <- ifelse(is.na(about$kind) | about$kind == about$modality, "", paste0(", ", about$kind))
  # Where values are taken from, if that is not where counts are.
  values <- about$kind %in% other_kinds & !is.na(about$layer)
  kind[values] <- paste0(kind[values], ", layer \"", about$layer[values], "\"")
  what <- paste0(about$source, " (", about$modality, kind, ")")
  smart_inform(c(
    "i" = "Modalit{cli::qty(what)}{?y/ies}: {what}.",
    if (length(left_out)) c(" " = "Not used: {.val {left_out}}. {.arg assays} would say otherwise.")
  ))
}

# What messages call the modalities, named by these.
modality_labels <- function(about) {
  labels <- ifelse(about$source == about$modality, about$modality,
    paste0(about$source, " (", about$modality, ")")
  )
  stats::setNames(labels, about$modality)
}

# As a plan has it.
with_names <- function(about) {
  about$name <- about$modality
  about
}

backticked <- function(name) {
  if (make.names(name) == name) name else paste0("`", name, "`")
}
