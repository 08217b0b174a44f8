# Mixtures from R's mclust; the value of this file is the function fit_eee(). Python calls it
# through rpy2, and the R package SpatialSMART gets it from Python: so both find the same clusters.
local(envir = new.env(parent = baseenv()), {
  # mclust's own start, hierarchical clusters of the components at one variance ("SVD"), may be far
  # from the best mixture where few of many components tell clusters apart. So there are two more,
  # of the components as they are ("VARS"): as ellipsoids of any shape ("VVV"), and by Ward's sum of
  # squares ("EII").
  hierarchies <- list(c("VVV", "SVD"), c("VVV", "VARS"), c("EII", "VARS"))

  # Fits Gaussians of one shared, full covariance from several starts, for each number of clusters.
  #   x           rows x dimensions, of full column rank
  #   ks          numbers of clusters
  #   seed        of R's random numbers, whose state is put back
  #   partitions  for each of `ks` clusters of the rows, 1 to k, to start from as well, or integer()
  # Returns for each of `ks` list(labels, notes): clusters of the likeliest mixture, of length 0 if
  # none could be fitted, and what mclust said of it.
  fit_eee <- function(x, ks, seed, partitions) {
    # The names of shapes in one dimension are V and E.
    shape <- function(name) if (ncol(x) > 1) name else substr(name, 1, 1)
    with_seed(seed, {
      # The costly part, which does not depend on the number of clusters.
      starts <- lapply(hierarchies, function(hierarchy) {
        attempt(start_from(x, shape(hierarchy[1]), use = hierarchy[2]))
      })
      Map(function(k, partition) {
        fits <- lapply(starts, function(start) {
          attempt(fit_from_start(x, k, shape("EEE"), start$value), start$notes)
        })
        if (length(partition)) {
          fits$given <- attempt(fit_from_partition(x, k, shape("EEE"), partition))
        }
        likelihood <- function(fit) if (is.null(fit$value)) -Inf else fit$value$likelihood
        best <- fits[[which.max(vapply(fits, likelihood, 0))]]
        list(labels = as.integer(best$value$labels), notes = best$notes)
      }, ks, partitions)
    })
  }

  # Hierarchical clusters; of many rows those of some, drawn at random, as mclust itself does.
  start_from <- function(x, shape, use) {
    most <- mclust::mclust.options("subset")
    some <- if (nrow(x) > most) sample(seq.int(nrow(x)), size = most)
    rows <- if (is.null(some)) x else x[some, , drop = FALSE]
    start <- list(hcPairs = from_mclust(mclust::hc, rows, modelName = shape, use = use))
    start$subset <- some
    start
  }

  # Without a fit, these two are NULL.
  fit_from_start <- function(x, k, model, start) {
    fit <- if (!is.null(start)) {
      from_mclust(
        mclust::Mclust, x,
        G = k, modelNames = model, initialization = start, verbose = FALSE
      )
    }
    if (!is.null(fit)) list(labels = fit$classification, likelihood = fit$loglik)
  }

  fit_from_partition <- function(x, k, model, partition) {
    member <- mclust::unmap(partition, groups = seq_len(k))
    fit <- from_mclust(mclust::me, data = x, modelName = model, z = member)
    if (is.finite(fit$loglik)) list(labels = mclust::map(fit$z), likelihood = fit$loglik)
  }

  # Functions of mclust look up their helpers from where they are called.
  from_mclust <- function(fn, ...) {
    do.call(fn, list(...), envir = asNamespace("mclust"))
  }

  # The value of `code`, NULL if it fails, and its warnings and errors after the earlier `notes`.
  attempt <- function(code, notes = character()) {
    note <- function(condition) notes <<- c(notes, conditionMessage(condition))
    value <- tryCatch(
      withCallingHandlers(
        code,
        warning = function(w) {
          note(w)
          invokeRestart("muffleWarning")
        },
        message = function(m) invokeRestart("muffleMessage")
      ),
      error = function(e) {
        note(e)
        NULL
      }
    )
    list(value = value, notes = notes)
  }

  # The value of `code` under a seed and R's own generators, whose state is put back.
  with_seed <- function(seed, code) {
    # There is none before the first random number.
    state <- get0(".Random.seed", globalenv(), inherits = FALSE)
    kind <- RNGkind()
    on.exit({
      suppressWarnings(do.call(RNGkind, as.list(kind)))
      if (is.null(state)) {
        rm(list = ".Random.seed", envir = globalenv())
      } else {
        assign(".Random.seed", state, envir = globalenv())
      }
    })
    set.seed(
      seed,
      kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection"
    )
    code
  }

  fit_eee
})
