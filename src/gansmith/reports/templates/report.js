(function () {
  "use strict";
  var read = function (id) { return JSON.parse(document.getElementById(id).textContent); };
  var byId = function (id) { return document.getElementById(id); };

  // Samples over time: a slider, and a button that plays it once.
  var slider = byId("time");
  if (slider) {
    var sheet = byId("sheet"), moment = byId("moment"), play = byId("play");
    var frames = read("frames").concat([{ uri: sheet.src, label: moment.textContent }]);
    var last = frames.length - 1, timer = null;
    var show = function (index) {
      slider.value = index;
      sheet.src = frames[index].uri;
      moment.textContent = frames[index].label;
      sheet.alt = "Sheet of generated samples, " + frames[index].label;
      slider.setAttribute("aria-valuetext", frames[index].label);
    };
    var stop = function () {
      clearInterval(timer);
      timer = null;
      play.classList.remove("on");
      play.setAttribute("aria-label", "Play the samples over time");
    };
    slider.addEventListener("input", function () { stop(); show(+slider.value); });
    play.addEventListener("click", function () {
      if (timer !== null) { stop(); return; }
      if (+slider.value === last) { show(0); }
      play.classList.add("on");
      play.setAttribute("aria-label", "Pause");
      timer = setInterval(function () {
        show(Math.min(last, +slider.value + 1));
        if (+slider.value === last) { stop(); }
      }, Math.max(160, Math.min(500, 6000 / frames.length)));
    });
    slider.closest(".player").hidden = false;
  }

  // Curves: the values under the pointer.
  var data = read("chart-data");
  document.querySelectorAll(".chart").forEach(function (figure) {
    var one = data[figure.dataset.chart], svg = figure.querySelector("svg");
    var cursor = figure.querySelector(".cursor"), reading = figure.querySelector(".reading");
    var leave = function () {
      cursor.style.display = reading.style.display = "none";
    };
    svg.addEventListener("pointermove", function (event) {
      var box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
      var at = (event.clientX - box.left) * scale, best = 0;
      one.px.forEach(function (x, i) { if (Math.abs(x - at) < Math.abs(one.px[best] - at)) { best = i; } });
      cursor.setAttribute("x1", one.px[best]);
      cursor.setAttribute("x2", one.px[best]);
      var lines = one.series.map(function (series) {
        var y = series.y[best];
        return series.name + "  " + (y === null ? "–" : +y.toPrecision(4));
      });
      reading.textContent = [+one.x[best].toPrecision(4) + " " + one.unit].concat(lines).join("\n");
      cursor.style.display = reading.style.display = "block";
      var frame = figure.getBoundingClientRect(), x = box.left - frame.left + one.px[best] / scale;
      var flip = x + 14 + reading.offsetWidth > frame.width;
      reading.style.left = Math.max(0, flip ? x - 14 - reading.offsetWidth : x + 14) + "px";
      reading.style.top = box.top - frame.top + 28 + "px";
    });
    svg.addEventListener("pointerleave", leave);
  });

  // The command, to the clipboard, where the browser allows it.
  var copy = byId("copy");
  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", function () {
      navigator.clipboard.writeText(byId("command").textContent).then(function () {
        copy.textContent = "Copied";
        setTimeout(function () { copy.textContent = "Copy"; }, 1500);
      });
    });
  }
})();
