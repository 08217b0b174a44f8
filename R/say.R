# What a finished run says: what there is now, and where.

# "Seurat", "Bioconductor", "list" (of either) or "matrix".
class_of <- function(object) {
  if (inherits(object, "Seurat")) {
    "Seurat"
  } else if (inherits(object, "SingleCellExperiment")) {
    "Bioconductor"
  } else if (is.list(object) && !inherits(object, "SMARTResult")) {
    "list"
  } else {
    "matrix"
  }
}

say_result <- function(result, cluster.name, reduction.name, class) {
  if (!is.null(result$clusters)) say_domains(result, cluster.name, class)
  n <- ncol(result$embedding)
  where <- switch(class,
    Seurat = "reduction {.code {reduction.name}}",
    Bioconductor = "{.code reducedDim(object, \"{reduction.name}\")}",
    list = "{.code {reduction.name}} in each object",
    matrix = "{.code $embedding}"
  )
  smart_inform(c("v" = paste0("Embedding: ", where, ", {n} dimension{?s}.")))
}

# `found` as find_domains() gives it; `class` as class_of().
say_domains <- function(found, cluster.name, class) {
  n <- nlevels(found$clusters)
  sizes <- range(table(found$clusters))
  of <- if (sizes[1] < sizes[2]) "{sizes[1]} to {sizes[2]} cells" else "{sizes[1]} cell{?s}"
  if (n > 1 && sizes[1] == sizes[2]) of <- paste(of, "each")
  column <- switch(class,
    Seurat = "column {.code {cluster.name}}, now the identities ({.code Idents()})",
    Bioconductor = "column {.code {cluster.name}} of {.code colData()}",
    list = "column {.code {cluster.name}} in each object",
    matrix = if (is.null(cluster.name)) "" else "{.code $clusters}"
  )
  if (nzchar(column)) column <- paste0(": ", column)
  columns <- names(found$all.clusters)
  best <- attr(found$n.clusters, "chosen")
  compared <- found$n.clusters$n.clusters
  why <- if (!is.null(best)) {
    ", the best of {in_words(compared)}"
  } else if (!is.null(columns)) {
    ", the last of {length(columns)} clusterings"
  }
  all <- if (class == "matrix") "{.code $all.clusters}, columns" else "columns"
  smart_inform(c(
    "v" = paste0("Found {n} domain{?s} of ", of, why, column, "."),
    "i" = if (!is.null(columns)) paste0("All are kept: ", all, " {.code {columns}}."),
    "i" = if (!is.null(best)) {
      "{.code SMARTClusterNumbers(object)} shows how they compare,
       {.code SMARTClusterNumberPlot(object)} draws it."
    }
  ))
}

# Clusters of an embedding that is now replaced.
say_stale <- function(object, result, reduction.name) {
  old <- names(smart_records(object)[[reduction.name]]$clustering)
  stale <- setdiff(old, names(result$clustering))
  if (length(stale)) {
    smart_inform(c(
      "!" = "Column{?s} {.code {stale}} {?holds/hold} clusters of the embedding that was there before."
    ))
  }
}
