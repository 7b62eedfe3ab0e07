/* What moves on the page of a report: sortable tables, charts in the places of its still figures, a legend that switches methods everywhere.
 * Names reach the page as text alone (textContent, Option), never as HTML. page_data.h says what `data` holds. */
"use strict";
(() => {
    const MANY = 10; /* methods: from here on each has a panel of its own */
    const make = (name, properties = {}, ...children) => {
        const element = Object.assign(document.createElement(name), properties);
        element.append(...children);
        return element;
    };
    const source = document.getElementById("data");
    const data = source ? JSON.parse(source.textContent) : null;

    /* ---- tables */

    const POWERS = {k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, Z: 1e21, Ki: 1024, Mi: 1048576, Gi: 1073741824};
    const SECONDS = {s: 1, min: 60, h: 3600, d: 86400};
    /* "1.31 T", "314.9 kB", "4 min 03 s", "−0.12", "±0.3", "80%" as numbers to sort by; texts stay texts. */
    function sortable(text) {
        const plain = text.replace(/−/g, "-").replace(/^±/, "").replace(/(\d),(?=\d{3})/g, "$1");
        const times = [...plain.matchAll(/([\d.]+) (s|min|h|d)\b/g)];
        if (times.length) return times.reduce((sum, [, n, unit]) => sum + n * SECONDS[unit], 0);
        const number = plain.match(/^([-+]?\d*\.?\d+(?:e[-+]?\d+)?) ?(Ki|Mi|Gi|[kMGTPEZ])?(?:B|x|%)?$/);
        return number ? number[1] * (POWERS[number[2]] || 1) : text;
    }
    function compare(a, b) {
        const numbers = typeof a === "number", same = numbers === (typeof b === "number");
        return !same ? (numbers ? -1 : 1) : numbers ? a - b : a.localeCompare(b);
    }
    function sortBy(table, head, column) {
        const body = table.tBodies[0], was = head.getAttribute("aria-sort");
        const next = was === "descending" ? null : was === "ascending" ? "descending" : "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        if (next) head.setAttribute("aria-sort", next);
        table.classList.toggle("sorted", next !== null);
        const key = row => next ? sortable(row.cells[column].textContent) : Number(row.dataset.place), sign = next === "descending" ? -1 : 1;
        for (const row of table.tBodies[0].rows) /* names that stand once are wanted in each row of another order */
            if (row.dataset.lead) row.cells[0].textContent = next || row.dataset.first ? row.dataset.lead : "";
        body.append(...[...body.rows].map(row => [key(row), row]).sort((a, b) => sign * compare(a[0], b[0])).map(pair => pair[1]));
    }
    function makeSortable(table) {
        let lead = "";
        const named = table.tHead.rows[0].cells[0].textContent === "method";
        [...table.tBodies[0].rows].forEach((row, place) => {
            row.dataset.place = place;
            if (!named) return;
            if (row.cells[0].textContent) row.dataset.first = lead = row.cells[0].textContent;
            row.dataset.lead = lead;
        });
        [...table.tHead.rows[0].cells].forEach((head, column) => {
            const button = make("button", {type: "button", textContent: head.textContent});
            button.addEventListener("click", () => sortBy(table, head, column));
            head.replaceChildren(button);
        });
    }
    document.querySelectorAll(".scroll table").forEach(makeSortable);
    if (!data || typeof Chart === "undefined") return;

    /* ---- numbers */

    const show = (value, decimals) => value.toFixed(decimals).replace("-", "−");
    /* Values by seed, null where there is none: mean and half-width of the 95 % t-interval (0: no spread). */
    function summary(values) {
        const told = values.filter(value => value !== null), n = told.length;
        const mean = told.reduce((sum, value) => sum + value, 0) / n;
        const variance = told.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
        return {n, mean, half: n > 1 ? data.t[n] * Math.sqrt(variance / n) : 0};
    }
    const cellsOf = method => data.cells.map((cell, index) => ({...cell, index})).filter(cell => cell.method === method);
    /* What a cell is compared with: the method at its sparsity, or the only cell of one that has no sparsity. */
    function counterpart(cell, method) {
        const cells = cellsOf(method);
        return cells.find(other => other.sparsity === cell.sparsity) || (cells.every(other => other.sparsity === 0) ? cells[0] : undefined);
    }
    /* By seed: of a view, or its differences from a method (-1: none). */
    function valuesOf(cell, view, from) {
        const own = data.views[view].values[cell.index];
        if (from < 0) return own;
        const other = counterpart(cell, from);
        if (!other || other.index === cell.index) return own.map(() => null);
        const theirs = data.views[view].values[other.index];
        return own.map((value, i) => {
            const k = other.seeds.indexOf(cell.seeds[i]);
            return value === null || k < 0 || theirs[k] === null ? null : value - theirs[k];
        });
    }
    /* Positive numbers over more than a decade are better drawn over their logarithm. */
    function spansDecades(view, values) {
        const told = values.filter(value => value !== null);
        return view.unit === "" && Math.min(...told) > 0 && Math.max(...told) > 20 * Math.min(...told);
    }
    const place = sparsity => -Math.log2(1 - sparsity); /* 80, 90, 95 % lie one step apart */

    /* ---- looks */

    const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6239"]; /* Okabe and Ito, as in the still figures */
    const POINTS = ["circle", "rect", "triangle", "rectRot", "star", "crossRot", "cross"];
    const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const drawn = data.methods.map((name, method) => method).filter(method => cellsOf(method).some(cell => cell.sparsity > 0));
    const dense = data.dense < 0 ? -1 : data.cells[data.dense].method;
    const colour = method => method === dense ? "#808080" : COLOURS[drawn.indexOf(method) % COLOURS.length];
    const again = method => method !== dense && drawn.indexOf(method) % (2 * COLOURS.length) >= COLOURS.length;
    const pale = (text, part) => text + Math.round(255 * part).toString(16).padStart(2, "0");
    const look = method => ({
        borderColor: colour(method),
        backgroundColor: again(method) ? style("--ground") : colour(method),
        borderDash: method === dense || again(method) ? [6, 3] : [],
        pointStyle: POINTS[Math.max(0, drawn.indexOf(method)) % POINTS.length],
        borderWidth: 2,
    });

    /* Intervals of points, and the band of what they are compared with. */
    const intervals = {
        id: "intervals",
        beforeDatasetsDraw(chart, args, options) {
            const {ctx, chartArea: area, scales} = chart, line = options.line;
            ctx.save();
            ctx.beginPath();
            ctx.rect(area.left, area.top, area.width, area.height);
            ctx.clip();
            if (line) {
                const scale = scales[options.axis], at = scale.getPixelForValue(line.mean);
                const ends = [scale.getPixelForValue(line.mean - line.half), scale.getPixelForValue(line.mean + line.half)];
                const box = (from, to) => options.axis === "x" ? [from, area.top, to - from, area.height]
                    : [area.left, from, area.width, to - from];
                ctx.fillStyle = pale("#808080", 0.2);
                ctx.fillRect(...box(...ends));
                ctx.fillStyle = "#808080";
                ctx.fillRect(...box(at - 0.75, at + 0.75));
            }
            for (const {index} of chart.getSortedVisibleDatasetMetas()) drawIntervals(chart, index, options.axis);
            ctx.restore();
        },
    };
    function drawIntervals(chart, index, axis) {
        const dataset = chart.data.datasets[index], {ctx, scales} = chart;
        ctx.strokeStyle = dataset.borderColor;
        ctx.lineWidth = 1.5;
        for (const point of dataset.data) {
            if (!point.half || dataset.faint) continue;
            const x = scales.x.getPixelForValue(point.x), y = scales.y.getPixelForValue(point.y), scale = scales[axis];
            const [low, high] = [point[axis] - point.half, point[axis] + point.half].map(value => scale.getPixelForValue(value));
            ctx.beginPath();
            if (axis === "x") ctx.moveTo(low, y), ctx.lineTo(high, y);
            else ctx.moveTo(x, low), ctx.lineTo(x, high);
            ctx.stroke();
        }
    }

    /* ---- the legend: switched for the whole page */

    const hidden = new Set(), redraws = [];
    function switchMethod(method) {
        hidden.has(method) ? hidden.delete(method) : hidden.add(method);
        for (const row of document.querySelectorAll("tr[data-lead]"))
            row.classList.toggle("gone", hidden.has(data.methods.indexOf(row.dataset.lead)));
        redraws.forEach(redraw => redraw());
    }
    function fillLegend(legend, methods, emphasise) {
        legend.replaceChildren(...methods.map(method => {
            const mark = make("i"), button = make("button", {type: "button", title: "show or hide everywhere"}, mark, data.methods[method]);
            mark.style.color = colour(method);
            mark.style.borderTopStyle = look(method).borderDash.length ? "dashed" : "solid";
            button.setAttribute("aria-pressed", String(!hidden.has(method)));
            button.addEventListener("click", () => switchMethod(method));
            for (const [event, of] of [["pointerenter", method], ["focus", method], ["pointerleave", -1], ["blur", -1]])
                button.addEventListener(event, () => emphasise(of));
            return button;
        }));
    }

    /* ---- charts */

    function control(controls, label, choices, chosen, change) {
        const select = make("select", {}, ...choices.map((text, i) => new Option(text, i, false, i === chosen)));
        select.addEventListener("change", () => change(Number(select.value)));
        if (choices.length > 1) controls.append(make("label", {}, label + " ", select));
    }
    function scaleOf(title, extra) {
        return {title: {display: title !== "", text: title, color: style("--ink")},
                grid: {color: pale("#808080", 0.22), borderColor: style("--soft"), tickLength: 4}, ...extra,
                ticks: {color: style("--soft"), ...extra.ticks}};
    }
    /* From the lowest to the highest mean, with the intervals where these are no longer than the means lie apart. */
    function rangeOf(datasets, axis, line, logarithmic) {
        const points = datasets.flatMap(dataset => dataset.data).concat(line ? [{[axis]: line.mean, half: line.half}] : []);
        const means = points.filter(point => !point.early).map(point => point[axis]).filter(value => !logarithmic || value > 0);
        if (!means.length) return {};
        let low = Math.min(...means), high = Math.max(...means);
        const apart = high - low || Math.abs(high) * 0.02 || 1, kept = half => Math.min(half || 0, apart);
        for (const point of points) {
            if (point.early || (logarithmic && point[axis] <= 0)) continue;
            low = Math.min(low, logarithmic ? point[axis] : point[axis] - kept(point.half));
            high = Math.max(high, point[axis] + kept(point.half));
        }
        return logarithmic ? {min: low / 1.15, max: high * 1.15} : {min: low - 0.05 * (high - low), max: high + 0.05 * (high - low)};
    }
    function tooltip() {
        return {
            displayColors: false,
            filter: item => !item.dataset.faint,
            callbacks: {
                title: items => items.slice(0, 1).map(item => data.methods[item.dataset.method] + (item.raw.where ? ", " + item.raw.where : "")),
                label: item => item.raw.words,
            },
        };
    }
    const PALE = pale("#808080", 0.4);
    const emphasised = (dataset, method) => method < 0 || dataset.method === method ? dataset
        : {...dataset, borderColor: PALE, backgroundColor: PALE, pointRadius: dataset.pointRadius ? 1 : 0, borderWidth: 1, borderDash: [], faint: true,
           order: 3};
    function configOf(spec, datasets, title, small) {
        const logarithmic = spec.logarithmic, vertical = spec.axis === "y";
        const range = rangeOf(datasets, spec.axis, spec.line, logarithmic);
        const value = scaleOf(small ? "" : spec.valueTitle, {type: logarithmic ? "logarithmic" : "linear", ...range,
            ticks: {maxTicksLimit: 8, callback: (tick, i, ticks) => i > 0 && i < ticks.length - 1 || (tick !== range.min && tick !== range.max)
                ? Number(tick.toPrecision(6)).toLocaleString("en").replace("-", "−") : ""}});
        const other = scaleOf(small ? "" : spec.otherTitle, spec.other);
        return {
            type: "line", data: {datasets}, plugins: [intervals],
            options: {
                animation: false, responsive: true, maintainAspectRatio: false, parsing: false, normalized: false,
                interaction: {mode: "nearest", intersect: false, axis: "xy"},
                scales: vertical ? {x: other, y: value} : {x: value, y: other},
                plugins: {legend: {display: false}, tooltip: tooltip(), intervals: {axis: spec.axis, line: spec.line},
                          title: {display: title !== "", text: title, color: style("--ink"), font: {weight: 600}}},
            },
        };
    }
    /* Draws what specify(state) says into a figure, in one panel or in one for each method, and again whenever something is switched. */
    function begin(figure, state, specify, addControls) {
        const controls = make("div", {className: "controls"}), legend = make("div", {className: "legend"}), canvases = make("div");
        let charts = [], spec;
        const emphasise = method => charts.length === 1 && drawInto(method);
        const panelsOf = method => !spec.panels ? [{title: "", datasets: spec.datasets.map(dataset => emphasised(dataset, method))}]
            : [...new Set(spec.datasets.map(dataset => dataset.method))].filter(own => own !== dense)
                .map(own => ({title: data.methods[own], datasets: spec.datasets.map(dataset => emphasised(dataset, own))}));
        function drawInto(method) {
            const panels = panelsOf(method);
            if (charts.length === 1 && panels.length === 1) {
                charts[0].data.datasets = panels[0].datasets;
                charts[0].update("none");
                return;
            }
            charts.forEach(chart => chart.destroy());
            figure.classList.toggle("wide", Boolean(spec.panels));
            canvases.className = spec.panels ? "canvases many" : "canvases";
            canvases.replaceChildren(...panels.map(() => make("div", {}, make("canvas"))));
            charts = panels.map((panel, i) => {
                const box = canvases.children[i];
                box.style.height = (spec.panels ? 190 : spec.height) + "px";
                box.firstChild.setAttribute("role", "img");
                box.firstChild.setAttribute("aria-label", figure.getAttribute("aria-label") + (panel.title ? ": " + panel.title : ""));
                return new Chart(box.firstChild, configOf(spec, panel.datasets, panel.title, Boolean(spec.panels)));
            });
        }
        function redraw() {
            spec = specify(state);
            fillLegend(legend, spec.methods, emphasise);
            spec.datasets = spec.datasets.filter(dataset => !hidden.has(dataset.method));
            if (hidden.has(dense)) spec.line = null;
            charts.forEach(chart => chart.destroy());
            charts = [];
            drawInto(-1);
        }
        addControls(controls, redraw);
        if (drawn.length > 2)
            control(controls, "panels", ["one for all", "one for each"], state.panels ? 1 : 0, chosen => (state.panels = chosen, redraw()));
        figure.querySelectorAll(".static").forEach(still => still.classList.add("gone"));
        figure.prepend(controls, canvases, legend);
        redraws.push(redraw);
        redraw();
    }

    /* ---- values over sparsity or price */

    function pointOf(cell, state) {
        const view = data.views[state.view], values = valuesOf(cell, state.view, state.from), {n, mean, half} = summary(values);
        if (!n) return null;
        const text = value => (state.from >= 0 && value > 0 ? "+" : "") + show(value, view.decimals);
        const seeds = cell.seeds.map((seed, i) => values[i] === null ? "" : "seed " + seed + ": " + text(values[i])).filter(words => words);
        const words = [text(mean) + (half ? " ± " + show(half, view.decimals) : "") + (state.from >= 0 ? view.difference : view.unit)];
        if (n > 1) words.push(...(seeds.length > 8 ? [...seeds.slice(0, 8), "and " + (seeds.length - 8) + " more"] : seeds));
        else words.push(...seeds.map(words => words.split(":")[0]));
        if (state.over) words.push(data.axes[state.over - 1].name + ": " + Number(data.axes[state.over - 1].values[cell.index].toPrecision(4)));
        return {mean, half, where: cell.label, words};
    }
    function seriesOf(method, state, rows) {
        const points = [];
        for (const cell of cellsOf(method)) {
            const over = state.over ? data.axes[state.over - 1].values[cell.index] : rows ? data.methods[method] : place(cell.sparsity);
            const point = over === null ? null : pointOf(cell, state);
            if (point) points.push({...point, ...(rows ? {x: point.mean, y: over} : {x: over, y: point.mean})});
        }
        return {...look(method), method, data: points, showLine: !rows, pointRadius: rows ? 5 : 4, pointHoverRadius: 7};
    }
    function valueSpec(state) {
        const view = data.views[state.view], sparsities = [...new Set(drawn.flatMap(cellsOf).map(cell => cell.sparsity))].sort((a, b) => a - b);
        const rows = !state.over && sparsities.length === 1, from = state.from;
        const methods = dense >= 0 && from < 0 ? [...drawn, dense] : drawn.filter(method => method !== from);
        const datasets = (state.over ? methods : methods.filter(method => method !== dense)).map(method => seriesOf(method, state, rows))
            .filter(dataset => dataset.data.length);
        const line = from >= 0 ? {mean: 0, half: data.margin !== null && state.view === 0 ? data.margin : 0}
            : dense >= 0 && !state.over ? summary(data.views[state.view].values[data.dense]) : null;
        const labels = new Map(data.cells.map(cell => [place(cell.sparsity), cell.label]));
        const first = place(sparsities[0]), last = place(sparsities[sparsities.length - 1]), room = 0.05 * (last - first);
        const named = methods.filter(method => method !== dense && !hidden.has(method)).map(method => data.methods[method]);
        const short = tick => Number(tick.toPrecision(3)).toLocaleString("en");
        const over = state.over ? {type: "logarithmic", ticks: {maxTicksLimit: 8, callback: short}}
            : rows ? {type: "category", labels: named, offset: true, ticks: {autoSkip: false}}
            : {type: "linear", min: first - room, max: last + room, ticks: {callback: tick => labels.get(tick)},
               afterBuildTicks: axis => (axis.ticks = sparsities.map(sparsity => ({value: place(sparsity)})))};
        return {methods, datasets, panels: state.panels && !rows, line: line && Number.isFinite(line.mean) ? line : null,
                axis: rows ? "x" : "y", other: over,
                logarithmic: state.logarithmic && from < 0, height: rows ? 90 + 30 * drawn.length : 380,
                valueTitle: from < 0 ? view.name : view.name + ", less that of " + data.methods[from],
                otherTitle: state.over ? data.axes[state.over - 1].name : rows ? "" : "sparsity"};
    }
    function valueChart(figure) {
        const state = {view: 0, from: data.methods.indexOf(figure.dataset.from), over: Number(figure.dataset.over || 0),
                       logarithmic: spansDecades(data.views[0], data.views[0].values.flat()), panels: drawn.length >= MANY ? 1 : 0};
        begin(figure, state, valueSpec, (controls, redraw) => {
            const froms = [-1, ...data.methods.keys()];
            control(controls, "metric", data.views.map(view => view.name), state.view, chosen => (state.view = chosen, redraw()));
            control(controls, "less that of", froms.map(from => from < 0 ? "none" : data.methods[from]), froms.indexOf(state.from),
                chosen => (state.from = froms[chosen], redraw()));
            control(controls, "over", ["sparsity", ...data.axes.map(axis => axis.name)], state.over, chosen => (state.over = chosen, redraw()));
            control(controls, "scale", ["linear", "logarithmic"], Number(state.logarithmic), chosen => (state.logarithmic = chosen === 1, redraw()));
        });
    }

    /* ---- learning curves */

    const SPLITS = ["validation", "test", "train"];
    function curvesOf(cell, state) {
        const pointsOf = curve => curve.epochs.map((epoch, i) => [epoch, curve.values[state.view][i]]).filter(point => point[1] !== null);
        return data.curves.filter(curve => curve.cell === cell.index && curve.split === state.split)
            .map(curve => ({seed: curve.seed, points: pointsOf(curve)}));
    }
    const EARLY = 0.1; /* of a curve: may leave the picture */
    function curveDatasets(cell, state) {
        const view = data.curveViews[state.view], curves = curvesOf(cell, state), means = new Map();
        const words = (value, seed, epoch) => [show(value, view.decimals) + view.unit, seed + ", epoch " + epoch];
        for (const {points} of curves)
            for (const [epoch, value] of points) means.set(epoch, [...(means.get(epoch) || []), value]);
        const line = (points, seed, extra) => ({
            ...look(cell.method), method: cell.method, pointRadius: 0, pointHitRadius: 6, pointHoverRadius: 4, ...extra,
            data: points.map(([x, y], i) => ({x, y, early: i < EARLY * points.length, where: cell.sparsity > 0 ? cell.label : "",
                                              words: words(y, seed, x)}))});
        const mean = [...means].sort((a, b) => a[0] - b[0])
            .map(([epoch, values]) => [epoch, values.reduce((sum, value) => sum + value, 0) / values.length]);
        const faint = {borderColor: pale(colour(cell.method), 0.4), borderWidth: 1, borderDash: [], order: 2};
        const all = state.seeds && curves.length > 1 ? curves.map(curve => line(curve.points, "seed " + curve.seed, faint)) : [];
        return [...all, line(mean, curves.length > 1 ? "mean of " + curves.length + " seeds" : "seed " + (curves[0] || {}).seed, {order: 1})];
    }
    function curveSpec(state) {
        const sparsity = state.sparsities[state.at];
        const cells = [...drawn.map(method => cellsOf(method).find(cell => cell.sparsity === sparsity)), ...cellsOf(dense)].filter(cell => cell);
        const datasets = cells.flatMap(cell => curveDatasets(cell, state)).filter(dataset => dataset.data.length);
        const ends = datasets.flatMap(dataset => dataset.data.map(point => point.x));
        return {methods: cells.map(cell => cell.method), datasets, panels: state.panels, line: null, axis: "y", height: 380,
                logarithmic: state.logarithmic,
                other: {type: "linear", min: Math.min(...ends), max: Math.max(...ends), ticks: {precision: 0}},
                valueTitle: state.split + " " + data.curveViews[state.view].name, otherTitle: "epoch"};
    }
    function curveChart(figure) {
        const splits = SPLITS.filter(split => data.curves.some(curve => curve.split === split));
        const sparsities = [...new Set(drawn.flatMap(cellsOf).map(cell => cell.sparsity))].sort((a, b) => a - b);
        const labels = sparsities.map(sparsity => data.cells.find(cell => cell.sparsity === sparsity).label);
        if (!splits.length) return;
        const decades = spansDecades(data.curveViews[0], data.curves.flatMap(curve => curve.values[0]));
        const state = {view: 0, split: splits[0], sparsities, at: sparsities.length - 1, seeds: drawn.length < MANY, logarithmic: decades,
                       panels: drawn.length >= MANY ? 1 : 0};
        begin(figure, state, curveSpec, (controls, redraw) => {
            control(controls, "sparsity", labels, state.at, chosen => (state.at = chosen, redraw()));
            control(controls, "data", splits, 0, chosen => (state.split = splits[chosen], redraw()));
            control(controls, "metric", data.curveViews.map(view => view.name), 0, chosen => (state.view = chosen, redraw()));
            control(controls, "scale", ["linear", "logarithmic"], Number(state.logarithmic), chosen => (state.logarithmic = chosen === 1, redraw()));
            if (data.cells.some(cell => cell.seeds.length > 1))
                control(controls, "lines", ["means", "means and seeds"], Number(state.seeds), chosen => (state.seeds = chosen === 1, redraw()));
        });
    }

    /* ---- classes: what is taken for what */

    const SHOWN = ["part of the true class, %", "change against dense, points", "test samples"], NUMBERS = 20; /* classes: of more, colours alone */
    const WITHIN = "#0072B2", BEYOND = "#D55E00";
    /* counts[true][predicted] of a cell, with the sums of the lines; null where there are none. */
    function matrixOf(cell) {
        const told = cell < 0 ? null : data.classes.counts[cell], size = data.classes.names.length;
        if (!told) return null;
        const counts = Array.from({length: size}, () => new Array(size).fill(0));
        for (let i = 0; i < told.length; i += 2) counts[Math.floor(told[i] / size)][told[i] % size] = told[i + 1];
        return {counts, sums: counts.map(line => line.reduce((sum, count) => sum + count, 0))};
    }
    const partOf = (matrix, row, column) => matrix.sums[row] ? 100 * matrix.counts[row][column] / matrix.sums[row] : 0;
    const signed = (value, decimals) => (value > 0 ? "+" : "") + show(value, decimals);
    function squareOf(state, matrix, base, row, column) {
        const part = partOf(matrix, row, column), change = base ? part - partOf(base, row, column) : 0, right = row === column;
        const value = state.shown === 1 ? change : state.shown === 2 ? matrix.counts[row][column] : part;
        const text = state.shown === 1 ? (Math.abs(value) < 0.05 ? "" : signed(value, 1)) : value === 0 ? "" : show(value, state.shown === 2 ? 0 : 1);
        const square = make("td", {textContent: data.classes.names.length > NUMBERS ? "" : text});
        const strength = state.shown === 1 ? Math.min(1, Math.abs(change) / 20) : Math.min(1, right ? part / 100 : part / 25);
        const good = state.shown === 1 ? change > 0 === right : right;
        if (strength > 0.01) square.style.background = pale(good ? WITHIN : BEYOND, 0.65 * strength);
        square.dataset.row = row;
        square.dataset.column = column;
        return square;
    }
    function wordsOf(matrix, base, row, column) {
        const [is, taken] = [data.classes.names[row], data.classes.names[column]];
        return is + (row === column ? " taken for what it is: " : " taken for " + taken + ": ") + matrix.counts[row][column] + " of " + matrix.sums[row]
            + " (" + show(partOf(matrix, row, column), 1) + " %" + (base ? ", dense " + show(partOf(base, row, column), 1) + " %" : "") + ")";
    }
    function matrixTable(state, matrix, base, words) {
        const names = data.classes.names, numbers = names.length <= NUMBERS;
        const table = make("table", {className: numbers ? "matrix" : "matrix tiny"}), head = table.createTHead().insertRow();
        head.append(make("th", {textContent: numbers ? "true \\ taken for" : ""}), ...names.map(name => make("th", {}, make("span", {textContent: numbers ? name : ""}))));
        const body = table.createTBody();
        names.forEach((name, row) => body.insertRow().append(make("th", {scope: "row", textContent: numbers ? name : ""}),
            ...names.map((other, column) => squareOf(state, matrix, base, row, column))));
        const tell = event => {
            const at = event.target.closest("td");
            if (at) words.textContent = wordsOf(matrix, base, Number(at.dataset.row), Number(at.dataset.column));
        };
        table.addEventListener("pointerover", tell);
        table.addEventListener("click", tell);
        return make("div", {className: "scroll"}, table);
    }
    function classTable(matrix, base) {
        const names = data.classes.names, table = make("table"), heads = ["class", "test samples", "right, %", ...base ? ["dense, %", "change"] : [],
            "most often taken for", "of them, %"];
        table.createTHead().insertRow().append(...heads.map(text => make("th", {textContent: text})));
        const body = table.createTBody();
        names.forEach((name, row) => {
            const wrong = matrix.counts[row].map((count, column) => column === row ? 0 : count), most = Math.max(...wrong), part = partOf(matrix, row, row);
            const cells = [name, String(matrix.sums[row]), show(part, 1), ...base ? [show(partOf(base, row, row), 1), signed(part - partOf(base, row, row), 1)] : [],
                most ? names[wrong.indexOf(most)] : "–", most ? show(partOf(matrix, row, wrong.indexOf(most)), 1) : "–"];
            body.insertRow().append(...cells.map((text, i) => make("td", {textContent: text, className: i === 0 || i === cells.length - 2 ? "" : "n"})));
        });
        makeSortable(table);
        return make("div", {className: "scroll"}, table);
    }
    function classChart(figure) {
        const cells = data.cells.map((cell, index) => ({...cell, index})).filter(cell => data.classes.counts[cell.index]);
        if (!cells.length) return;
        const densest = cells.filter(cell => cell.method !== dense), state = {at: cells.indexOf(densest[densest.length - 1] || cells[0]), shown: 0};
        const controls = make("div", {className: "controls"}), parts = make("div", {className: "parts"}), words = make("p", {className: "note"});
        const redraw = () => {
            const cell = cells[state.at], matrix = matrixOf(cell.index), base = cell.index === data.dense ? null : matrixOf(data.dense);
            words.textContent = "A line for each true class, a column for each that it is taken for. Point at a square for its words.";
            parts.replaceChildren(make("div", {}, matrixTable(state, matrix, base, words), words), classTable(matrix, base));
        };
        const nameOf = cell => data.methods[cell.method] + (cell.sparsity > 0 ? " " + cell.label : "");
        control(controls, "of", cells.map(nameOf), state.at, chosen => (state.at = chosen, redraw()));
        control(controls, "shown", data.dense < 0 ? [SHOWN[0], SHOWN[2]] : SHOWN, 0,
            chosen => (state.shown = data.dense < 0 && chosen ? 2 : chosen, redraw()));
        figure.classList.add("wide");
        figure.prepend(controls, parts);
        redraw();
    }

    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 12.5;
    const CHARTS = {curves: curveChart, values: valueChart, classes: data.classes ? classChart : () => {}};
    for (const figure of document.querySelectorAll("figure[data-chart]"))
        if (drawn.length || figure.dataset.chart === "classes") CHARTS[figure.dataset.chart](figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraws.forEach(redraw => redraw()));
})();
