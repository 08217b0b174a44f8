# How SMARTSpatialPlot() draws.

# As in Python: the eight of Okabe and Ito (2008); each further one lies as far as possible from
# those before it, from white and from `map_missing`, as seen normally and by protanopes and
# deuteranopes.
map_palette <- c(
  "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#000000",
  "#78003C", "#3C00A5", "#C31EFF", "#784B00", "#5AD287", "#B42D87", "#0F3C69", "#7800D2",
  "#00695A", "#9687FF", "#A5FFC3", "#FF4B69", "#00F0FF", "#C3003C", "#E10FC3", "#FF78D2"
)
map_missing <- "#D3D3D3"

# Values as they are drawn, and their scale.
map_fill <- function(value, cols, title, fn) {
  missing <- anyNA(value)
  if (is.numeric(value)) {
    fits <- is.character(cols) && length(cols) > 1 && all(vapply(cols, is_colour, NA))
    if (!is.null(cols) && !fits) {
      smart_abort("{.arg cols} must be two colours or more, from low to high.", fn = fn)
    }
    cols <- unname(cols) %||% grDevices::hcl.colors(64, "viridis")
    return(list(
      value = value,
      scale = ggplot2::scale_fill_gradientn(
        colours = cols, na.value = map_missing, name = title, guide = ggplot2::guide_colourbar()
      ),
      caption = if (missing) "Grey: no value."
    ))
  }
  value <- if (is.factor(value)) droplevels(value) else factor(value, natural_order(value))
  names <- levels(value)
  colours <- stats::setNames(category_colours(names, cols, fn), names)
  if (missing) {
    word <- utils::tail(make.unique(c(names, "missing")), 1)
    value <- factor(ifelse(is.na(value), word, as.character(value)), c(names, word))
    colours[[word]] <- map_missing
  }
  columns <- ceiling(length(colours) / 12)
  list(
    value = value,
    scale = ggplot2::scale_fill_manual(
      values = colours, limits = names(colours), name = title,
      guide = ggplot2::guide_legend(ncol = columns)
    )
  )
}

is_colour <- function(x) {
  !inherits(try(grDevices::col2rgb(x), silent = TRUE), "try-error")
}

category_colours <- function(names, cols, fn) {
  n <- length(names)
  if (is.null(cols)) {
    return(if (n <= length(map_palette)) map_palette[seq_len(n)] else many_colours(n))
  }
  lacking <- if (is.null(names(cols))) names[-seq_along(cols)] else setdiff(names, names(cols))
  wrong <- if (is.character(cols)) Filter(Negate(is_colour), cols)
  if (!is.character(cols) || length(lacking) || length(wrong)) {
    smart_abort(c(
      "{.arg cols} must be names of colours, one for each of {n} categor{?y/ies}.",
      "x" = if (length(wrong)) "{.val {unname(wrong)}} {?is/are} none.",
      "x" = if (length(lacking)) "There is none for {.val {lacking}}."
    ), fn = fn)
  }
  unname(if (is.null(names(cols))) cols[seq_len(n)] else cols[names])
}

# Hues in turn, each in three shades, so that neighbours in the legend differ.
many_colours <- function(n) {
  i <- seq_len(n) - 1
  grDevices::hcl(
    h = (i * 137.508) %% 360, c = c(80, 60, 45)[i %% 3 + 1], l = c(60, 40, 80)[i %% 3 + 1]
  )
}

draw_map <- function(data, fill, pictures, pt.size, alpha, image.alpha, flip.y, scales, ncol,
                     caption) {
  parts <- split(data, data$section)
  layouts <- lapply(parts, function(part) spot_layout(part$x, part$y))
  width <- vapply(layouts, function(layout) layout$width, 1)
  # Squares a trifle larger leave no seams between them.
  square <- vapply(layouts, function(layout) layout$square, NA)
  drawn <- width * pt.size * ifelse(square & pt.size == 1, 1.02, 1)
  data$width <- unname(drawn[as.character(data$section)])
  data$square <- unname(square[as.character(data$section)])
  boxes <- map_boxes(parts, pmax(width, drawn), scales)
  plot <- ggplot2::ggplot(data, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_blank(data = boxes$corners)
  below <- crop_pictures(pictures, boxes$corners, image.alpha)
  if (nrow(below$at)) {
    plot <- plot + ggplot2::layer(
      geom = picture_geom(), stat = "identity", position = "identity", data = below$at,
      mapping = ggplot2::aes(
        .data$x, .data$y,
        xend = .data$xend, yend = .data$yend, picture = .data$picture
      ),
      inherit.aes = FALSE, show.legend = FALSE, params = list(rasters = below$rasters)
    )
  }
  plot <- plot +
    ggplot2::layer(
      geom = spot_geom(), stat = "identity", position = "identity",
      mapping = ggplot2::aes(fill = .data$value, width = .data$width, square = .data$square),
      params = list(alpha = alpha)
    ) +
    fill +
    ggplot2::scale_x_continuous(expand = c(0, 0)) +
    (if (flip.y) ggplot2::scale_y_reverse else ggplot2::scale_y_continuous)(expand = c(0, 0)) +
    ggplot2::labs(caption = if (length(caption)) paste(caption, collapse = "\n")) +
    ggplot2::theme_void() +
    ggplot2::theme(
      plot.background = ggplot2::element_rect(fill = "white", colour = NA),
      aspect.ratio = boxes$aspect,
      panel.spacing = ggplot2::unit(10, "pt"),
      plot.margin = ggplot2::margin(6, 6, 6, 6),
      plot.title = ggplot2::element_text(margin = ggplot2::margin(b = 6)),
      strip.text = ggplot2::element_text(size = 11, margin = ggplot2::margin(3, 0, 4, 0)),
      legend.box.margin = ggplot2::margin(0, 0, 0, 8),
      legend.title = ggplot2::element_text(margin = ggplot2::margin(b = 4)),
      plot.caption = ggplot2::element_text(size = 9, colour = "grey30")
    )
  if (length(parts) == 1) {
    return(plot)
  }
  plot + ggplot2::facet_wrap(
    "section",
    scales = "free", ncol = ncol, labeller = ggplot2::label_wrap_gen(28)
  )
}

# The corners of what is shown of each section: boxes of one shape about the middles of the
# sections, so that a panel of that shape shows x and y on one scale.
map_boxes <- function(parts, width, scales) {
  middle <- vapply(parts, function(part) c(mean(range(part$x)), mean(range(part$y))), c(1, 1))
  reach <- vapply(parts, function(part) c(diff(range(part$x)), diff(range(part$y))) / 2, c(1, 1))
  reach <- reach + rep(0.75 * width, each = 2)
  if (scales == "fixed") reach[] <- apply(reach, 1, max)
  aspect <- min(max(exp(mean(log(reach[2, ] / reach[1, ]))), 0.2), 5)
  reach <- rbind(pmax(reach[1, ], reach[2, ] / aspect), pmax(reach[2, ], reach[1, ] * aspect))
  sections <- factor(names(parts), names(parts))
  corner <- function(sign) {
    data.frame(
      x = middle[1, ] + sign * reach[1, ], y = middle[2, ] + sign * reach[2, ], section = sections
    )
  }
  list(corners = rbind(corner(-1), corner(1)), aspect = aspect)
}

# Images ----

# Section -> list(raster, scale): pixels of the image for one unit of the coordinates.
map_pictures <- function(object, sections, image, fn) {
  if (identical(image, FALSE) || !inherits(object, "SpatialExperiment")) {
    if (rlang::is_string(image)) {
      smart_abort("The object has no images: {.arg image} names {.val {image}}.", fn = fn)
    }
    return(list())
  }
  there <- SpatialExperiment::imgData(object)
  there <- if (!is.null(there)) there[there$sample_id %in% sections, ]
  if (rlang::is_string(image)) {
    if (!image %in% there$image_id) {
      smart_abort(c(
        "There is no image {.val {image}}.",
        "i" = if (NROW(there)) "Images: {.val {unique(there$image_id)}}." else "The object has none."
      ), fn = fn)
    }
    there <- there[there$image_id == image, ]
  }
  if (NROW(there) == 0) {
    return(list())
  }
  there <- there[!duplicated(there$sample_id), ]
  pictures <- lapply(seq_len(nrow(there)), function(i) {
    list(
      raster = SpatialExperiment::imgRaster(there$data[[i]]),
      scale = there$scaleFactor[i]
    )
  })
  stats::setNames(pictures, there$sample_id)
}

# What of the pictures lies within the corners, and where.
crop_pictures <- function(pictures, corners, alpha) {
  at <- data.frame()
  rasters <- list()
  for (section in names(pictures)) {
    picture <- pictures[[section]]
    size <- dim(picture$raster)
    box <- corners[corners$section == section, ]
    pixels <- function(x, n) {
      range <- range(x) * picture$scale
      seq_len(n)[seq_len(n) > range[1] & seq_len(n) - 1 < range[2]]
    }
    cols <- pixels(box$x, size[2])
    rows <- pixels(box$y, size[1])
    if (!length(cols) || !length(rows)) next
    raster <- as.matrix(picture$raster)[rows, cols, drop = FALSE]
    if (alpha < 1) raster[] <- grDevices::adjustcolor(raster, alpha.f = alpha)
    rasters[[section]] <- grDevices::as.raster(raster)
    edge <- function(pixel) pixel / picture$scale
    at <- rbind(at, data.frame(
      x = edge(cols[1] - 1), xend = edge(cols[length(cols)]),
      y = edge(rows[1] - 1), yend = edge(rows[length(rows)]),
      section = factor(section, levels(corners$section)), picture = section
    ))
  }
  list(at = at, rasters = rasters)
}

# A picture from (x, y), its upper left, to (xend, yend).
picture_geom <- function() {
  ggplot2::ggproto(
    "GeomSMARTPicture", ggplot2::Geom,
    required_aes = c("x", "y", "xend", "yend", "picture"),
    draw_panel = function(data, panel_params, coord, rasters = list()) {
      at <- coord$transform(data, panel_params)
      raster <- as.matrix(rasters[[as.character(at$picture[1])]])
      # Where y points up the picture stands on its head.
      if (at$y[1] < at$yend[1]) raster <- raster[rev(seq_len(nrow(raster))), , drop = FALSE]
      grid::rasterGrob(
        grDevices::as.raster(raster),
        x = (at$x[1] + at$xend[1]) / 2, y = (at$y[1] + at$yend[1]) / 2,
        width = abs(at$xend[1] - at$x[1]), height = abs(at$yend[1] - at$y[1])
      )
    }
  )
}

# Spots whose width is in units of the coordinates, as no point of ggplot2 is.
spot_geom <- function() {
  ggplot2::ggproto(
    "GeomSMARTSpot", ggplot2::Geom,
    required_aes = c("x", "y"),
    default_aes = ggplot2::aes(fill = "black", alpha = 1, width = 1, square = FALSE),
    draw_panel = function(data, panel_params, coord) {
      far <- data
      far$x <- data$x + data$width / 2
      far$y <- data$y + data$width / 2
      at <- coord$transform(data, panel_params)
      far <- coord$transform(far, panel_params)
      across <- abs(far$x - at$x)
      down <- abs(far$y - at$y)
      colour <- ggplot2::alpha(at$fill, at$alpha)
      style <- grid::gpar(fill = colour, col = NA)
      if (isTRUE(data$square[1])) {
        return(grid::rectGrob(at$x, at$y, 2 * across, 2 * down, gp = style))
      }
      # A radius is taken of the shorter side.
      grid::circleGrob(at$x, at$y, pmax(across, down), gp = style)
    },
    draw_key = function(data, params, size) {
      grid::pointsGrob(
        0.5, 0.5,
        pch = 16, size = grid::unit(11, "pt"),
        gp = grid::gpar(col = ggplot2::alpha(data$fill, data$alpha))
      )
    }
  )
}
