# Messages of the Python core in R's words.
#
# They come as finished text, with Python's names of arguments, its constants and its quotes. What
# stands in quotes is the user's own, or a value, and stays as it is.

# Arguments that have another name here.
renamed_arguments <- c(
  n_top_genes = "n.features", seed = "seed.use", section_key = "section.by",
  batch_key = "batch.by"
)

# Of functions other than the core's `integrate`, whose parameters it lists itself.
other_arguments <- c(
  "check_counts", "n_clusters", "n_pcs", "resolution", "in_tissue", "method", "cluster_method",
  "checkpoint", "pixel_size", "overwrite", "overlap"
)

# What a user of Python is told to do, and what does it in R.
python_advice <- c(
  "^X has (infinite|NaN|negative values in)" = "There are \\1",
  "^X has (.*) among its values" = "The counts have \\1 among their values",
  "^X has " = "The counts have ",
  "^X holds " = "The counts hold ",
  "it seems to be normalised" = "they seem to be normalised",
  "Give raw counts \\(layer=\\), or components .*? \\(reps= of smartcore\\.tl\\.smart\\)\\." =
    "Name the layer that holds raw counts by `layer`, or start from components by `reduction`.",
  "Give raw counts \\(layer=\\), or check_counts=False if .*? \\(ambient RNA removed, say\\)\\." =
    paste(
      "Name the layer that holds raw counts by `layer`. check.counts = FALSE is only for raw",
      "counts from which a tool such as SoupX took ambient RNA, never for normalised data."
    ),
  "AnnData\\.var_names_make_unique\\(\\) gives" = "make.unique() gives",
  " from a column of var such as var\\['gene_ids'\\] .*? \\(adata\\.var_names = [^)]*\\)\\." =
    " by the argument gene.column of Read10X(), or from a column of rowData().",
  "n_top_genes=None" = "n.features = Inf",
  ", and their components are NaN" = ""
)

# For who asked RunSMART() for clusters. It has n.neighbors, but of other neighbours.
run_advice <- c(
  "try another n_neighbors \\(([^)]*)\\) or seed, or use method=" =
    "try another n.neighbors (\\1) in FindSMARTClusters(), another seed.use, or method=",
  "a lower n_pcs\\b" = "a lower n.pcs in FindSMARTClusters()",
  "\\bmethod=" = "cluster.method="
)

# A message of the core as one of `fn`.
in_r_words <- function(text, fn = "RunSMART", parameters = core_parameter_names()) {
  advice <- if (fn == "RunSMART") c(run_advice, python_advice) else python_advice
  for (pattern in names(advice)) text <- gsub(pattern, advice[[pattern]], text, perl = TRUE)
  arguments <- argument_names(parameters)
  at <- gregexpr(word_pattern(), text, perl = TRUE)
  regmatches(text, at) <- lapply(regmatches(text, at), vapply, in_r_word, "", arguments)
  # Python counts from 0.
  rows <- gregexpr("\\b(first: row|the first is spot) \\K[0-9]+", text, perl = TRUE)
  regmatches(text, rows) <- lapply(regmatches(text, rows), function(n) {
    format(as.numeric(n) + 1, scientific = FALSE, trim = TRUE)
  })
  text
}

# Python's name -> R's.
argument_names <- function(parameters) {
  same <- setdiff(unique(c(parameters, core_settings, other_arguments)), names(renamed_arguments))
  c(renamed_arguments, stats::setNames(gsub("_", ".", same), same))
}

# Known to the core, once it is loaded; without it none of its messages comes.
core_parameter_names <- function() {
  if (is.null(session$parameters)) {
    if (is.null(session$core)) {
      return(character())
    }
    session$parameters <- reticulate::py_to_r(session$core$parameters())
  }
  session$parameters
}

python_string <- "(?:'(?:[^'\\\\]|\\\\.)*'|\"(?:[^\"\\\\]|\\\\.)*\")"
python_number <- "[-+]?(?:[0-9]+(?:\\.[0-9]+)?(?:e[-+]?[0-9]+)?|inf|nan)\\b"
python_constant <- paste0("(?:", python_string, "|", python_number, "|\\b(?:None|True|False)\\b)")
# Lists, tuples and dicts of such.
python_entry <- paste0("(?:", python_string, ": )?", python_constant)
python_list <- paste0(
  "(?:\\[(?:", python_entry, "(?:, ", python_entry, ")*)?\\]",
  "|\\{(?:", python_entry, "(?:, ", python_entry, ")*)?\\})"
)

# Assignments, lists, strings and words that a message may hold, the longest first. An apostrophe
# begins no string.
word_pattern <- function() {
  value <- paste0("(?:", python_list, "|", python_constant, ")")
  paste0(
    "(?<![\\w.'\"/-])(?:",
    "[A-Za-z_][\\w.]*(?:\\[", python_string, "\\])?=(?:", value, "|(?=[,.;) ]))",
    "|", python_list, "|", python_string, "(?!\\w)",
    "|[a-z]+(?:_[a-z]+)+(?![\\w(/]|\\.\\w)",
    "|(?:None(?! of)|True|False|nan|inf)(?!\\w)",
    ")"
  )
}

in_r_word <- function(word, arguments) {
  pattern <- "^([A-Za-z_][\\w.]*)(\\[[^=]*\\])?=(.*)$"
  assigned <- regmatches(word, regexec(pattern, word, perl = TRUE))[[1]]
  if (length(assigned)) {
    name <- assigned[2]
    if (!name %in% names(arguments) && !name %in% arguments) {
      return(word)
    }
    if (name %in% names(arguments)) name <- arguments[[name]]
    if (nzchar(assigned[3])) name <- paste0(name, "[", r_value(assigned[3]), "]")
    return(if (nzchar(assigned[4])) paste(name, "=", r_value(assigned[4], TRUE)) else name)
  }
  if (word %in% names(arguments)) arguments[[word]] else r_value(word)
}

# Values of Python as R writes them; lists in prose without brackets.
r_value <- function(text, assigned = FALSE) {
  if (!nzchar(text)) {
    return(text)
  }
  constants <- c(None = "NULL", True = "TRUE", False = "FALSE", nan = "NaN", inf = "Inf")
  if (text %in% names(constants)) {
    return(constants[[text]])
  }
  if (grepl("^'", text)) {
    # As Python wrote it, but in R's usual quotes.
    text <- gsub("\\'", "'", substr(text, 2, nchar(text) - 1), fixed = TRUE)
    return(paste0("\"", gsub("(?<!\\\\)\"", "\\\\\"", text, perl = TRUE), "\""))
  }
  if (!grepl("^[[{]", text)) {
    # Numbers of R come to Python as 3.0.
    return(if (assigned) sub("^([-+]?[0-9]+)\\.0$", "\\1", text) else text)
  }
  inner <- substr(text, 2, nchar(text) - 1)
  at <- gregexpr(paste0(python_string, "(: )?|", python_constant), inner, perl = TRUE)
  parts <- regmatches(inner, at)[[1]]
  named <- grepl(": $", parts)
  keys <- vapply(sub(": $", "", parts[named]), r_value, "")
  if (assigned) keys <- vapply(gsub("^\"|\"$", "", keys), backticked, "")
  parts[named] <- paste0(keys, if (assigned) " = " else ": ")
  parts[!named] <- vapply(parts[!named], r_value, "", assigned)
  joined <- paste0(parts, ifelse(named, "", ", "), collapse = "")
  joined <- sub(", $", "", joined)
  if (assigned) paste0("c(", joined, ")") else if (nzchar(joined)) joined else "none"
}

# For a value that the core does not know, in R's words: the one of those it knows that was meant.
meant_value <- function(said) {
  pattern <- "= \"([^\"]*)\" is not known; use (one of )?(.*)\\.$"
  found <- regmatches(said, regexec(pattern, said))[[1]]
  if (length(found)) {
    known <- strsplit(gsub("\"", "", found[4]), ", | or ")[[1]]
    did_you_mean(found[2], known, list(gpu = "cuda", nvidia = "cuda", default = "robust"))
  }
}
