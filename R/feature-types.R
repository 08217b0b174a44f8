# Types of features within one assay: what a 10x file with antibodies or peaks holds, which some
# readers keep together, as layers of the same cells or as features of one experiment.

# 10x Genomics' names of the types, by the modality they are; "other" for those that are none.
type_patterns <- c(
  rna = "^gene.?expression$|^gex$|^rna$",
  protein = "^antibody.?capture$|^protein.?expression$|^antibod(y|ies)$|^adt$|^proteins?$",
  chromatin = "^(chromatin.?)?peaks$|^atac$|^chromatin.?accessibility$",
  other = paste0(
    "^crispr|^multiplexing|^antigen|^custom$|^vdj|^hto$|^hashtag|control|codeword|^blank|^intergenic"
  )
)

# "rna", "protein", "chromatin" or "other" for each type, NA where its name says nothing.
kind_of_type <- function(types) {
  unname(vapply(types, function(type) {
    fits <- vapply(type_patterns, grepl, NA, x = type, ignore.case = TRUE)
    names(type_patterns)[fits][1]
  }, ""))
}

# Layers of one assay, sorted into the types of features that they hold: a list of names of layers,
# named by type, or NULL where all are of one type. Layers of different samples have different cells.
# Those of different types have the same cells, and names that say so or no feature in common.
layer_types <- function(layers, cells, features, prefix) {
  if (length(layers) < 2) {
    return(NULL)
  }
  types <- vapply(layers, type_of_layer, "", prefix = prefix)
  groups <- ifelse(is.na(types), layers, types)
  for (i in which(is.na(types))) {
    for (j in seq_along(layers)) {
      if (groups[i] != groups[j] && any(features[[i]] %in% features[[j]])) {
        groups[groups == groups[i]] <- groups[j]
      }
    }
  }
  found <- split(layers, factor(groups, unique(groups)))
  cells <- lapply(split(cells, factor(groups, unique(groups))), unlist, use.names = FALSE)
  together <- vapply(cells[-1], function(these) any(these %in% cells[[1]]), NA)
  if (!any(together)) {
    return(NULL)
  }
  first <- vapply(found, `[`, "", 1)
  names(found) <- ifelse(
    names(found) %in% layers, substring(first, nchar(prefix) + 2), names(found)
  )
  found
}

# "counts.Antibody Capture" and "counts.Antibody Capture.2", the same of a second sample, are
# "Antibody Capture"; NA where the name says of no type.
type_of_layer <- function(layer, prefix) {
  pieces <- strsplit(substring(layer, nchar(prefix) + 2), ".", fixed = TRUE)[[1]]
  heads <- Reduce(function(a, b) paste(a, b, sep = "."), pieces, accumulate = TRUE)
  known <- heads[!is.na(kind_of_type(heads))]
  if (length(known)) known[1] else NA_character_
}

# Rows of a plan for the types of one assay, the others left out aloud. `types` are their names;
# `wanted` is the modality that the user gave for the assay, or NA.
choose_types <- function(assay, types, wanted, verbose) {
  kinds <- kind_of_type(types)
  if (wanted %in% other_kinds) {
    return(types[!kinds %in% modality_kinds])
  }
  if (!is.na(wanted)) {
    if (!wanted %in% kinds) {
      smart_abort(c(
        "Assay {.val {assay}} has no features that are {wanted}.",
        "x" = "It holds features of the types {.val {types}}."
      ))
    }
    return(types[kinds %in% wanted])
  }
  unknown <- types[is.na(kinds)]
  if (length(unknown) == length(types) || (length(unknown) && !any(kinds %in% modality_kinds))) {
    example <- paste0("layer = c(", backticked(assay), " = \"...\")")
    smart_abort(c(
      "Assay {.val {assay}} holds features of {length(types)} types for the same cells, and which
       modality they are cannot be told from their names.",
      "x" = "The types are {.val {types}}.",
      "i" = "Put each into an assay of its own, or choose one layer: {.code {example}}."
    ))
  }
  used <- types[kinds %in% modality_kinds]
  left <- setdiff(types, used)
  if (verbose) {
    words <- paste0(used, " (", kind_of_type(used), ")")
    smart_inform(c(
      "i" = "Assay {.val {assay}} holds several types of features: {words}.",
      if (length(left)) c(" " = "Not used: {.val {left}}.")
    ))
  }
  used
}
