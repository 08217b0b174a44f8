# One clustering or several of an embedding, and the best number of clusters.

# A list of
#   clusters       the clusters; of several the best by their number, or the last
#   clustering     what is remembered of each clustering, named by column
#   all.clusters   of several: a data frame, a column each
#   n.clusters     where the best number was to be found: the table of criteria
find_domains <- function(embedding, wanted, cluster.name, seed.use = 42, n.pcs = "auto",
                         n.neighbors = 50, verbose = TRUE, fn = "FindSMARTClusters") {
  # Before anything is said.
  check_seed(seed.use, fn)
  pcs_or_auto(n.pcs, fn)
  whole_or_null(n.neighbors, "n.neighbors", fn)
  table <- if (isTRUE(wanted$choose)) {
    compare_numbers(embedding, wanted, seed.use, n.pcs, n.neighbors, verbose, fn)
  }
  sizes <- wanted$numbers %||% wanted$resolutions
  columns <- clustering_names(wanted, cluster.name)
  if (verbose) {
    smart_inform(c("i" = if (is.null(columns)) {
      "Finding domains \u2026"
    } else {
      "Finding domains: {length(columns)} clusterings \u2026"
    }))
  }
  cluster <- function(size) {
    by_number <- !is.null(wanted$numbers)
    about <- if (by_number) "n.clusters = " else "resolution = "
    cluster_core(
      embedding, if (by_number) size,
      method = wanted$method, seed.use = seed.use, n.pcs = n.pcs, n.neighbors = n.neighbors,
      resolution = if (!by_number) size, verbose = verbose,
      about = if (!is.null(columns)) paste0(about, size), fn = fn
    )
  }
  if (is.null(columns)) {
    found <- cluster(sizes)
    return(list(
      clusters = found$clusters, clustering = stats::setNames(list(found$record), cluster.name)
    ))
  }
  chosen <- if (is.null(table)) length(sizes) else match(attr(table, "chosen"), sizes)
  kept <- if (is.null(table)) rep(TRUE, length(sizes)) else !is.na(table$rank)
  bar <- new_counter(verbose, "Finding domains")
  on.exit(bar$done())
  found <- vector("list", length(sizes))
  for (i in which(kept)) {
    found[[i]] <- if (is.null(table) || i == chosen) {
      cluster(sizes[i])
    } else {
      # What was compared may be a part of the cells.
      tryCatch(cluster(sizes[i]), rlang_error = function(cnd) {
        cli::cli_warn("No clusters for n.clusters = {sizes[i]}: {conditionMessage(cnd)}")
        NULL
      })
    }
    bar$step(i, length(sizes))
  }
  there <- !vapply(found, is.null, NA)
  records <- lapply(found[there], `[[`, "record")
  list(
    clusters = found[[chosen]]$clusters,
    clustering = stats::setNames(
      c(list(found[[chosen]]$record), records), c(cluster.name, columns[there])
    ),
    all.clusters = factors_as_table(lapply(found[there], `[[`, "clusters"), columns[there]),
    n.clusters = table
  )
}

factors_as_table <- function(factors, columns) {
  table <- as.data.frame(lapply(factors, unname), col.names = columns, optional = TRUE)
  names(table) <- columns
  cells <- names(factors[[1]])
  if (!is.null(cells)) rownames(table) <- cells
  table
}

# Criteria for each number of clusters: a data frame with a column for each, and attributes:
# `lower`, which of them are the better the lower they are; `chosen`, the best number; `method`;
# and `n.cells`, how many were compared.
compare_numbers <- function(embedding, wanted, seed.use, n.pcs, n.neighbors, verbose, fn) {
  seed <- check_seed(seed.use, fn)
  n_pcs <- pcs_or_auto(n.pcs, fn)
  n_neighbors <- whole_or_null(n.neighbors, "n.neighbors", fn)
  core <- core(fn, verbose)
  numbers <- as.list(wanted$numbers)
  x <- unname(embedding)
  relay <- new_relay(verbose, fn)
  on.exit(relay$tell_warnings())
  if (verbose) smart_inform(c("i" = "Comparing {in_words(wanted$numbers)} domains \u2026"))
  bar <- new_counter(verbose, "Comparing numbers of domains")
  on.exit(bar$done(), add = TRUE, after = FALSE)
  labels <- if (wanted$method == "mclust") {
    mclust_labels(core, x, numbers, n_pcs, seed, bar$step, fn)
  }
  found <- reticulate::py_to_r(call_core(fn, core$choose(
    x, numbers, wanted$method,
    n_pcs = n_pcs, n_neighbors = n_neighbors, seed = seed, labels = labels,
    on_clustering = called_by_python(bar$step), notify = called_by_python(relay$notify)
  )))
  table <- as_table(found$table)
  table$n_clusters <- as.integer(table$n_clusters)
  table[] <- lapply(table, function(x) replace(x, is.na(x), NA))
  names(table) <- r_name(names(table))
  structure(
    table,
    lower = stats::setNames(as.logical(found$lower), r_name(found$criteria)),
    chosen = as.integer(found$suggested),
    method = wanted$method,
    n.cells = as.integer(found$n_spots)
  )
}

r_name <- function(x) gsub("_", ".", x, fixed = TRUE)

# For each number of clusters the labels of all that the core compares them on, or why there are
# none.
mclust_labels <- function(core, x, numbers, n_pcs, seed, step, fn) {
  input <- reticulate::py_to_r(call_core(fn, core$choose_input(x, numbers, "mclust", n_pcs, seed)))
  total <- length(numbers) * length(input$parts)
  done <- 0
  notes <- character()
  fit <- function(part, k) {
    found <- call_core(fn, cluster_mclust(core, part, as.integer(k), NULL, seed, fn))
    done <<- done + 1
    step(done, total)
    as.array(as.integer(found$labels))
  }
  labels <- withCallingHandlers(
    lapply(numbers, function(k) {
      tryCatch(
        lapply(input$parts, fit, k = k),
        rlang_error = function(cnd) conditionMessage(cnd)
      )
    }),
    warning = function(cnd) {
      notes <<- c(notes, conditionMessage(cnd))
      rlang::cnd_muffle(cnd)
    }
  )
  for (note in unique(notes)) cli::cli_warn("{note}")
  labels
}

# "4 to 12", or each of them.
in_words <- function(numbers) {
  if (length(numbers) > 2 && all(diff(numbers) == 1)) {
    return(paste(numbers[1], "to", numbers[length(numbers)]))
  }
  cli::ansi_strip(cli::format_inline("{numbers}"))
}
