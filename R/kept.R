# What is kept with the reductions of an object.

# The reduction asked for, or the usual one, as `name`; those that are `there`; and a function to `read`
# what is kept with one. `maker` is the function that returns such objects.
reductions_in <- function(object, reduction, fn, maker = "RunSMART") {
  if (inherits(object, "Seurat")) {
    return(list(
      name = reduction %||% "smart",
      there = SeuratObject::Reductions(object),
      read = function(name) SeuratObject::Misc(object[[name]])
    ))
  }
  if (inherits(object, "SingleCellExperiment")) {
    return(list(
      name = reduction %||% "SMART",
      there = SingleCellExperiment::reducedDimNames(object),
      read = function(name) S4Vectors::metadata(object)[[name]]
    ))
  }
  smart_abort(
    "{.arg object} must be what {.fn {maker}} returned, not {.obj_type_friendly {object}}.",
    fn = fn
  )
}

# What RunSMART() left with its result.
find_record <- function(object, reduction, fn) {
  if (inherits(object, "SMARTResult")) {
    if (!is_smart_record(unclass(object))) only_clusters(fn)
    return(object)
  }
  reductions <- reductions_in(object, reduction, fn)
  reduction <- reductions$name
  ours <- Filter(function(name) is_smart_record(reductions$read(name)), reductions$there)
  if (rlang::is_string(reduction) && lost_record(object, reduction)) {
    smart_abort(c(
      "What {.fn RunSMART} kept with the reduction {.val {reduction}} is gone.",
      "i" = "{.code merge(merge.dr = ...)} drops it; {.fn SMARTMerge} keeps it."
    ), fn = fn)
  }
  if (!rlang::is_string(reduction) || !reduction %in% ours) {
    smart_abort(c(
      "There is no reduction {.val {reduction}} of SMART.",
      did_you_mean(reduction, ours),
      "i" = if (length(ours)) {
        "The object has {.val {ours}}."
      } else {
        "The object has none: run {.fn RunSMART} first."
      }
    ), fn = fn)
  }
  reductions$read(reduction)
}

# ChooseSMARTClusters() of a matrix knows nothing of a training.
only_clusters <- function(fn) {
  smart_abort(c(
    "These are clusters of an embedding alone, without a training.",
    "i" = "{.fn {fn}} takes what {.fn RunSMART} returned."
  ), fn = fn)
}

# What is kept with a reduction, which need not be one of SMART.
kept_with <- function(object, reduction, fn) {
  if (inherits(object, "SMARTResult")) {
    return(object)
  }
  reductions <- reductions_in(object, reduction, fn, maker = "ChooseSMARTClusters")
  check_embedding_name(reductions$name, reductions$there, fn)
  kept <- reductions$read(reductions$name)
  if (is.list(kept)) kept
}
