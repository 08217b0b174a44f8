#!/bin/sh
# Open an exported folder in Vitessce and take a picture of it, in a browser without a screen.
#
#     sh tools/vitessce.sh FOLDER PICTURE.png [WORK]
#
# FOLDER is what smartcore.io.export(data, "vitessce", FOLDER) wrote. It needs node, npm and
# Chromium (apt-get install nodejs npm chromium). Vitessce and what bundles it go into WORK (default:
# a temporary folder), which a second call uses again.
set -eu
folder=$(realpath "$1")
picture=$(realpath -m "$2")
work=$(realpath -m "${3:-$(mktemp -d)}")
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
data_port=$(sed -n 's|.*"http://localhost:\([0-9]*\)/.*|\1|p' "$folder/vitessce.json" | head -1)
page_port=$((data_port + 1))

mkdir -p "$work/site"
cd "$work"
if [ ! -f site/page.js ]; then
    [ -f package.json ] || npm init -y >/dev/null
    npm install --no-audit --no-fund --ignore-scripts \
        react@18 react-dom@18 esbuild@0.28 playwright-core@1
    # Its bundle has all that it needs but React; an installation would fetch that once more.
    npm pack --silent vitessce@4.0.8 >/dev/null
    mkdir -p node_modules/vitessce
    tar xzf vitessce-4.0.8.tgz -C node_modules/vitessce --strip-components 1
    cat >page.jsx <<'PAGE'
import React from "react";
import { createRoot } from "react-dom/client";
import { Vitessce } from "vitessce";
const from = new URLSearchParams(location.search).get("config");
const config = await (await fetch(from)).json();
createRoot(document.getElementById("root")).render(
  <Vitessce config={config} height={850} theme="light" />,
);
PAGE
    # Views in three dimensions, which need these packages, are not opened.
    npx esbuild page.jsx --bundle --format=esm --splitting --outdir=site --log-level=error \
        --external:three '--external:@react-three/*'
    echo '<!doctype html><div id="root"></div><script type="module" src="page.js"></script>' \
        >site/index.html
fi
cat >look.mjs <<'LOOK'
import { chromium } from "playwright-core";
const [browser, url, picture] = process.argv.slice(2);
const window = await chromium.launch({
  executablePath: browser,
  args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
});
const page = await window.newPage({ viewport: { width: 1400, height: 900 } });
page.setDefaultTimeout(300000);
page.on("pageerror", (error) => console.log("error on the page:", String(error)));
await page.goto(url);
// Data come in parts, and the map is drawn without a graphics card.
await page.getByText(/^[1-9][0-9,]* spots$/).first().waitFor();
await page.waitForTimeout(20000);
await page.screenshot({ path: picture, timeout: 300000 });
console.log((await page.innerText("body")).trim());
await window.close();
LOOK

python3 "$folder/serve.py" "$data_port" >/dev/null 2>&1 &
data=$!
python3 -m http.server "$page_port" --bind 127.0.0.1 --directory site >/dev/null 2>&1 &
page=$!
trap 'kill "$data" "$page"' EXIT
sleep 5
node look.mjs "$browser" \
    "http://localhost:$page_port/index.html?config=http://localhost:$data_port/vitessce.json" \
    "$picture"
echo "$picture"
