# Coordinates from the images of a Seurat object, whatever their class.

# Image -> numeric cells x 2, without crops of other images.
image_places <- function(object, images, verbose) {
  found <- lapply(stats::setNames(images, images), function(name) {
    image <- object[[name]]
    xy <- image_coordinates(image)
    xy[rownames(xy) %in% colnames(object), , drop = FALSE]
  })
  found <- Filter(nrow, found)
  crops <- find_crops(lapply(found, rownames))
  if (length(crops) && verbose) {
    smart_inform(c("i" = "Left out {.val {crops}}: {?its/their} cells are all in another image."))
  }
  found[setdiff(names(found), crops)]
}

# Images whose cells all lie in one other; an error where images share cells otherwise.
find_crops <- function(cells) {
  owner <- character()
  crops <- character()
  for (name in names(cells)[order(-lengths(cells))]) {
    owners <- unname(owner[cells[[name]]])
    if (all(is.na(owners))) {
      owner[cells[[name]]] <- name
    } else if (!anyNA(owners) && length(unique(owners)) == 1) {
      crops <- c(crops, name)
    } else {
      n <- sum(!is.na(owners))
      others <- unique(stats::na.omit(owners))
      smart_abort(c(
        "Image {.val {name}} shares {n} of its {length(owners)} cells with {.val {others}}.",
        "i" = "A cell lies in one section. Remove an image ({.code object[[\"{name}\"]] <- NULL}),
               or give {.arg coords} and {.arg section.by}."
      ))
    }
  }
  crops
}

image_sections <- function(found) {
  sections <- rep(names(found), vapply(found, nrow, 1L))
  stats::setNames(sections, unlist(lapply(found, rownames), use.names = FALSE))
}

# Cells x 2 of one image, in the units of the full resolution.
image_coordinates <- function(image) {
  if (inherits(image, "FOV")) {
    found <- tidy_coordinates(fov_coordinates(image))
    swapped <- inherits(image, "VisiumV2") && !is_horizontal(image)
    return(if (swapped) named_rows(found[, 2:1], rownames(found), colnames(found)) else found)
  }
  # The methods for the other classes are Seurat's.
  rlang::check_installed("Seurat", "to read coordinates of its images.")
  if (inherits(image, "VisiumV1")) {
    found <- SeuratObject::GetTissueCoordinates(image, scale = NULL)
    return(tidy_coordinates(found[, c("imagecol", "imagerow")]))
  }
  tidy_coordinates(as.data.frame(SeuratObject::GetTissueCoordinates(image)))
}

# Before Seurat 5.4, x of such an image is its row.
is_horizontal <- function(image) {
  methods::.hasSlot(image, "coords_x_orientation") &&
    identical(methods::slot(image, "coords_x_orientation"), "horizontal")
}

# Cells that an image of Visium marks as outside the tissue.
images_outside <- function(object) {
  unlist(lapply(SeuratObject::Images(object), function(name) {
    image <- object[[name]]
    if (!inherits(image, "VisiumV1")) {
      return(character())
    }
    at <- methods::slot(image, "coordinates")
    rownames(at)[outside_marks(at[["tissue"]], "The image {.val {name}}")]
  }), use.names = FALSE)
}

# Centroids where there are any, else the vertices of the outlines.
fov_coordinates <- function(image) {
  boundaries <- SeuratObject::Boundaries(image)
  points <- Filter(function(name) inherits(image[[name]], "Centroids"), boundaries)
  which <- c(intersect("centroids", points), points, SeuratObject::DefaultBoundary(image))[1]
  SeuratObject::GetTissueCoordinates(image[[which]], full = FALSE)
}

# Each image has axes of its own: two of them in one section lie on one another.
warn_mixed_images <- function(coords, sections, by_image) {
  cells <- intersect(names(by_image), names(sections))
  mixed <- Filter(function(these) {
    boxes <- lapply(split(these, by_image[these]), function(part) {
      apply(coords[part, , drop = FALSE], 2, range)
    })
    length(boxes) > 1 && any_overlap(boxes)
  }, split(cells, sections[cells]))
  if (length(mixed)) {
    smart_warn(c(
      "Section{?s} {.val {names(mixed)}} of {.arg section.by} {?holds/hold} several images whose
       coordinates overlap.",
      "i" = "Spots of different images may be taken for neighbours."
    ))
  }
}

any_overlap <- function(boxes) {
  pairs <- utils::combn(length(boxes), 2)
  any(apply(pairs, 2, function(pair) {
    a <- boxes[[pair[1]]]
    b <- boxes[[pair[2]]]
    all(a[1, ] < b[2, ] & b[1, ] < a[2, ])
  }))
}
