// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The life of a flame graph: each <g class="f"> is a frame, in depth-first order of drawing rows;
// its <title> holds the name and, in further lines, what is known of it.
'use strict';
(function () {
	const svg = document.documentElement;
	const details = document.getElementById('details');
	const matched = document.getElementById('matched');
	const input = document.getElementById('search');
	const full = +svg.getAttribute('data-width'), charWidth = 7.25;
	const frames = [...document.querySelectorAll('g.f')].map((g, i) => {
		const rect = g.querySelector('rect');
		const lines = g.querySelector('title').textContent.split('\n');
		g.tabIndex = -1;
		return { i, g, rect, text: g.querySelector('text'), name: lines[0],
			info: lines.slice(1).join(' '), x: +rect.getAttribute('x'),
			w: +rect.getAttribute('width'), depth: +g.getAttribute('data-d'),
			parent: +g.getAttribute('data-p'), children: [] };
	});
	for (const f of frames)
		if (f.parent >= 0) frames[f.parent].children.push(f);
	let zoomed = frames[0], at = frames[0];
	const past = [];

	function label(f, w) {
		const chars = Math.floor((w - 4) / charWidth), shown = chars >= 3;
		if (!f.text && shown) {
			f.text = document.createElementNS(svg.namespaceURI, 'text');
			f.text.setAttribute('y', +f.rect.getAttribute('y') + 12);
			f.g.appendChild(f.text);
		}
		if (!f.text) return;
		const runes = [...f.name];
		f.text.textContent = !shown ? '' :
			runes.length <= chars ? f.name : runes.slice(0, chars - 1).join('') + '…';
	}
	function place(f, x, w) {
		f.g.style.display = '';
		f.rect.setAttribute('x', x);
		f.rect.setAttribute('width', w);
		label(f, w);
		if (f.text) f.text.setAttribute('x', x + 3);
	}
	function below(f, visit) {
		const todo = [f];
		while (todo.length) {
			const next = todo.pop();
			visit(next);
			todo.push(...next.children);
		}
	}
	// Show one frame as wide as all, its callers over it, and what it called to scale.
	function show(f) {
		zoomed = f;
		for (const o of frames) {
			o.g.style.display = 'none';
			o.g.classList.remove('caller');
		}
		const scale = full / f.w;
		below(f, o => { if (o.w * scale >= 0.5) place(o, (o.x - f.x) * scale, o.w * scale); });
		for (let p = f.parent; p >= 0; p = frames[p].parent) {
			place(frames[p], 0, full);
			frames[p].g.classList.add('caller');
		}
		document.getElementById('back').classList.toggle('off', !past.length);
		document.getElementById('reset').classList.toggle('off', f === frames[0]);
	}
	function zoom(f) {
		if (f === zoomed) return;
		past.push(zoomed);
		show(f);
		select(f);
	}
	function back() {
		if (past.length) show(past.pop());
	}
	function reset() {
		past.length = 0;
		show(frames[0]);
	}
	function describe(f) {
		details.textContent = f ? f.name + '  ' + f.info : '';
	}
	function select(f) {
		at.g.classList.remove('at');
		at = f;
		at.g.classList.add('at');
		describe(f);
	}
	// Mark frames whose names match and sum them, each stack once.
	function search(pattern) {
		let re = null;
		matched.textContent = '';
		input.classList.remove('bad');
		try {
			if (pattern) re = new RegExp(pattern);
		} catch (e) {
			input.classList.add('bad');
		}
		const inside = new Set();
		let sum = 0, count = 0;
		for (const f of frames) {
			const hit = re !== null && f.parent >= 0 && re.test(f.name);
			f.g.classList.toggle('hit', hit);
			if (inside.has(f.parent)) inside.add(f.i);
			if (!hit) continue;
			count++;
			if (!inside.has(f.i)) sum += f.w;
			inside.add(f.i);
		}
		if (re !== null)
			matched.textContent = 'matched: ' + (100 * sum / frames[0].w).toFixed(2) + '% in ' + count + ' frames';
	}
	function frameOf(target) {
		const g = target.closest && target.closest('g.f');
		return g ? frames.find(f => f.g === g) : null;
	}
	function sibling(f, step) {
		const row = f.parent >= 0 ? frames[f.parent].children : [f];
		return row[row.indexOf(f) + step] || f;
	}
	svg.addEventListener('click', e => {
		const f = frameOf(e.target);
		if (f) zoom(f);
		else if (e.target.closest('#back')) back();
		else if (e.target.closest('#reset')) reset();
	});
	svg.addEventListener('mouseover', e => describe(frameOf(e.target)));
	input.addEventListener('input', () => search(input.value));
	window.addEventListener('keydown', e => {
		if (e.key === 'Escape') {
			input.value = '';
			search('');
			input.blur();
			reset();
			return;
		}
		if (e.target === input || e.ctrlKey && e.key !== 'f' || e.metaKey || e.altKey) return;
		const down = svg.hasAttribute('data-inverted') ? 'ArrowUp' : 'ArrowDown';
		const up = down === 'ArrowUp' ? 'ArrowDown' : 'ArrowUp';
		const keys = {
			[down]: () => select(at.children[0] || at),
			[up]: () => select(frames[at.parent] || at),
			ArrowLeft: () => select(sibling(at, -1)),
			ArrowRight: () => select(sibling(at, 1)),
			Enter: () => zoom(at),
			Backspace: back,
			'/': () => input.focus(),
			f: () => input.focus(),
		};
		if (!keys[e.key]) return;
		e.preventDefault();
		keys[e.key]();
	});
	show(frames[0]);
	if (svg.hasAttribute('data-inverted')) // the root is what one begins with
		frames[0].g.scrollIntoView({ block: 'end' });
}());
