import { describe } from 'mocha';
import { patient, narrative, DIV, within, absent, check } from '../../support/structure-rows.js';

describe('the narrative of a resource', () => {
  describe('narratives', () => {
    const div = 'Patient.text.div value';
    check([
      ['not closed', within('<p>a</p>'), within('<p>a'), div],
      ['without the namespace', within('a'), narrative('<div>a</div>'), div],
      ['of another root', within('a'), narrative('<p xmlns="http://www.w3.org/1999/xhtml">a</p>'), div],
      ['with text around it', within('a'), narrative(`${DIV}a</div>b`), div],
      ['of no markup', within('a'), narrative('a'), div],
      ['with entities of HTML', within('&#160;&lt;&amp;'), within('&nbsp;'), div],
      ['with a document type', within('a'), narrative(`<!DOCTYPE div [<!ENTITY a "b">]>${DIV}a</div>`), div],
      ['with an XML declaration', within('a'), narrative(`<?xml version="1.0"?>${DIV}a</div>`), div],
      ['with a processing instruction', within('<!-- a -->'), within('<?php a ?>'), div],
      ['with a script', within('<b>a</b>'), within('<script>a()</script>'), div],
      [
        'with a frame',
        within('<table><tbody><tr><td colspan="2">a</td></tr></tbody></table>'),
        within('<iframe src="http://x.org"/>'),
        div,
      ],
      ['with a form', within('<ul><li>a</li></ul>'), within('<form action="http://x.org"/>'), div],
      ['with an object', within('<img src="#a" alt="a"/>'), within('<object data="http://x.org"/>'), div],
      [
        'with a foreign namespace',
        within('<img src="http://x.org/a.png" alt="a"/>'),
        within('<svg xmlns="http://www.w3.org/2000/svg"/>'),
        div,
      ],
      ['with an event handler', within('<p class="a" id="b" title="c">a</p>'), within('<p onclick="a()">a</p>'), div],
      [
        'with a script for a link',
        within('<a href="http://x.org">a</a>'),
        within('<a href="javascript:a()">a</a>'),
        div,
      ],
      [
        'with a script hidden by blanks',
        within('<a name="b">a</a>'),
        within('<a href=" java&#10;script:a()">a</a>'),
        div,
      ],
      [
        'with a page for a link',
        within('<img src="data:image/png;base64,AAAA" alt="a"/>'),
        within('<a href="data:text/html,a">a</a>'),
        div,
      ],
      [
        'with a drawing that may hold scripts',
        within('<a href="mailto:a@x.org">a</a>'),
        within('<img src="data:image/svg+xml,a"/>'),
        div,
      ],
      [
        'with an active style',
        within('<p style="color: red; background: url(data:image/png;base64,AA)">a</p>'),
        within('<p style="width: expression(a())">a</p>'),
        div,
      ],
      [
        'with a script in a style',
        within('<p style="background: url(a.png)">a</p>'),
        within('<p style="background: url(\'javascript:a()\')">a</p>'),
        div,
      ],
      [
        'nested too deeply, which would take quadratic time',
        within('<b>'.repeat(99) + '</b>'.repeat(99)),
        within('<b>'.repeat(100_000) + '</b>'.repeat(100_000)),
        div,
      ],
      [
        'with a comment that HTML ends at its first character',
        within('<!-- <p>an earlier text</p> > -->'),
        within('<!--><img src="x" alt="a"/>-->'),
        div,
      ],
      ['with a comment that HTML ends at a hyphen', within('<!-- -> -->'), within('<!--->a-->'), div],
      [
        'with a conditional comment',
        within('<!-- if [a] -->'),
        within('<!-- [if gte mso 9]><p>a</p><![endif]-->'),
        div,
      ],
      ['with a CDATA section', within('a &gt; b'), within('<![CDATA[a]]>'), div],
      ['without div', within('a'), patient({ text: { status: 'generated' } }), 'Patient.text.div required'],
      ['of a number', within('a'), patient({ text: { status: 'generated', div: 1 } }), 'Patient.text.div structure'],
      [
        'with extensions for the div',
        within('a'),
        patient({ text: { status: 'generated', div: `${DIV}a</div>`, _div: absent } }),
        'Patient.text structure',
      ],
    ]);
  });
});
