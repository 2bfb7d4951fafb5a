/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The page of "registry_status": it asks for the same address again, as a
 * program does, and makes elements of what it gets, never HTML.  A browser runs
 * this script and takes this style sheet, by their hashes, and nothing else.
 */

#include "ngx_http_registry_status.h"

#include <openssl/evp.h>

#define NGX_HTTP_REGISTRY_HASH_LEN  32             /* of SHA-256 */


static u_char *ngx_http_registry_status_hash(u_char *p, const char *text);


static const char  ngx_http_registry_status_style[] =
    ":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1c243"
    "0;--soft:#5c6878;--line:#e1e5ea;--track:#edf0f3;--bad:#b42318;--warn"
    ":#b25e09;--good:#16794c;--c0:#2f6fde;--c1:#12908e;--c2:#d9822b;--c3:"
    "#8756c5;--c4:#c2417c;--c5:#6b7a8d}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b212a;"
    "--text:#e4e9f0;--soft:#97a3b3;--line:#2b333f;--track:#28303b;--bad:#"
    "ff8a7d;--warn:#f0b064;--good:#5fce9b;--c0:#6fa2ff;--c1:#45c4bf;--c2:"
    "#f0a65a;--c3:#b48df0;--c4:#ef82b1;--c5:#93a2b5}}\n"
    "*{box-sizing:border-box}\n"
    "body{font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",sans-serif;m"
    "argin:0;padding:1.5rem 1rem 3rem;color:var(--text);background:var(--"
    "bg)}\n"
    "main{max-width:70rem;margin:auto}\n"
    "header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:basel"
    "ine;justify-content:space-between}\n"
    "h1{font-size:1.5rem;margin:0}\n"
    "h2{font-size:1.05rem;margin:0 0 .6rem}\n"
    ".soft{color:var(--soft)}.bad{color:var(--bad)}.warn{color:var(--warn"
    ")}.good{color:var(--good)}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11r"
    "em,1fr));gap:1rem;margin:1rem 0}\n"
    ".card,section{background:var(--card);border:1px solid var(--line);bo"
    "rder-radius:10px;padding:1rem 1.1rem}\n"
    ".card b{display:block;font-size:1.5rem;font-weight:600;line-height:1"
    ".3;font-variant-numeric:tabular-nums}\n"
    "section{margin-top:1rem;overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th{font-weight:500;color:var(--soft);font-size:.85rem}\n"
    "th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid v"
    "ar(--line);white-space:nowrap}\n"
    "tr:last-child td{border-bottom:0}\n"
    "td.name{white-space:normal;overflow-wrap:anywhere}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".bar{display:flex;height:.7rem;min-width:9rem;background:var(--track"
    ");border-radius:4px;overflow:hidden}\n"
    ".bar i{display:block;height:100%}\n"
    ".k0{background:var(--c0)}.k1{background:var(--c1)}.k2{background:var"
    "(--c2)}.k3{background:var(--c3)}.k4{background:var(--c4)}.k5{backgro"
    "und:var(--c5)}\n"
    ".kgood{background:var(--good)}.kwarn{background:var(--warn)}.kbad{ba"
    "ckground:var(--bad)}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:0 0 .5r"
    "em;padding:0;list-style:none;font-size:.85rem;color:var(--soft)}\n"
    ".legend i{display:inline-block;width:.7rem;height:.7rem;border-radiu"
    "s:3px;margin-right:.4rem}\n";


static const char  ngx_http_registry_status_script[] =
    "'use strict';\n"
    "var box=document.getElementById('page'),when=document.getElementById"
    "('when');\n"
    "function el(name,text,cls){var e=document.createElement(name);if(tex"
    "t!==undefined)e.textContent=text;if(cls)e.className=cls;return e}\n"
    "function num(v){return Number(v).toLocaleString('en')}\n"
    "function bytes(v){var u=['B','kB','MB','GB','TB','PB'],i=0;while(v>="
    "1000&&i<5){v/=1000;i++}return(i?v.toFixed(v<10?2:1):v)+' '+u[i]}\n"
    "function percent(a,b){return b?(100*a/b).toFixed(a&&a<b/100?2:0)+' %"
    "':'-'}\n"
    "function bar(parts,all){var b=el('div',undefined,'bar');parts.forEac"
    "h(function(p){if(!p[0])return;var i=el('i',undefined,p[1]);i.style.w"
    "idth=100*p[0]/(all||1)+'%';i.title=p[2]||'';b.appendChild(i)});retur"
    "n b}\n"
    "function card(title,value,note,cls){var c=el('div',undefined,'card')"
    ";c.appendChild(el('span',title,'soft'));c.appendChild(el('b',value,c"
    "ls));c.appendChild(el('span',note,'soft'));return c}\n"
    "function part(title){var s=el('section');s.appendChild(el('h2',title"
    "));return s}\n"
    "function span(s){var u=[[86400,'d'],[3600,'h'],[60,'m']].find(functio"
    "n(x){return s%x[0]==0});return u?s/u[0]+' '+u[1]:s+' s'}\n"
    "function table(heads,rows){var t=el('table'),h=el('tr');heads.forEac"
    "h(function(n){h.appendChild(el('th',n[0],n[1]))});t.appendChild(h);r"
    "ows.forEach(function(r){var l=el('tr');r.forEach(function(v,i){var d"
    "=el('td',undefined,heads[i][1]);if(v instanceof Node)d.appendChild(v"
    ");else d.textContent=v;l.appendChild(d)});t.appendChild(l)});return "
    "t}\n"
    "function sum(list,name){return list.reduce(function(a,o){return a+o["
    "name]},0)}\n"
    "function all(o){return o.egress_bytes+o.redirected_bytes}\n"
    "function egress(list){var s=part('Egress today, by tenant and route'"
    "),by=new Map(),routes=[],max=1;\n"
    "list.forEach(function(o){var t=by.get(o.tenant);if(!t){t={name:o.ten"
    "ant,rows:[]};by.set(o.tenant,t)}t.rows.push(o);if(routes.indexOf(o.r"
    "oute)<0)routes.push(o.route)});\n"
    "var tenants=Array.from(by.values());tenants.forEach(function(t){t.al"
    "l=t.rows.reduce(function(a,o){return a+all(o)},0);max=Math.max(max,t"
    ".all)});\n"
    "tenants.sort(function(a,b){return b.all-a.all});\n"
    "function key(r){return'k'+Math.min(routes.indexOf(r),5)}\n"
    "var l=el('ul',undefined,'legend');routes.forEach(function(r){var i=e"
    "l('li');i.appendChild(el('i',undefined,key(r)));i.appendChild(docume"
    "nt.createTextNode(r));l.appendChild(i)});\n"
    "if(!tenants.length){s.appendChild(el('p','Nothing was sent yet.','so"
    "ft'));return s}\n"
    "s.appendChild(l);s.appendChild(table([['Tenant','name'],[''],['Sent'"
    ",'n'],['Redirected','n'],['Received','n'],['Pulls','n'],['Requests',"
    "'n']],\n"
    "tenants.slice(0,50).map(function(t){return[t.name,bar(t.rows.map(fun"
    "ction(o){return[all(o),key(o.route),o.route+': '+bytes(all(o))]}),ma"
    "x),bytes(sum(t.rows,'egress_bytes')),bytes(sum(t.rows,'redirected_by"
    "tes')),bytes(sum(t.rows,'ingress_bytes')),num(sum(t.rows,'pulls')),n"
    "um(sum(t.rows,'requests'))]})));\n"
    "if(tenants.length>50)s.appendChild(el('p',tenants.length-50+' more a"
    "re not shown.','soft'));return s}\n"
    "function repositories(list){var s=part('Largest repositories today')"
    ",max=list.reduce(function(a,o){return Math.max(a,all(o))},1);\n"
    "s.appendChild(table([['Repository','name'],['Tenant','name'],[''],['"
    "Sent','n'],['Redirected','n'],['Pulls','n'],['Pushes','n']],list.map"
    "(function(o){return[o.repository,o.tenant,bar([[o.egress_bytes,'k0',"
    "'sent'],[o.redirected_bytes,'k1','redirected']],max),bytes(o.egress_"
    "bytes),bytes(o.redirected_bytes),num(o.pulls),num(o.pushes)]})));ret"
    "urn s}\n"
    "function decisions(list){var s=part('Decisions since the start'),n=s"
    "um(list,'requests'),cls={allow:'good',deny:'bad',limit:'warn'};\n"
    "s.appendChild(list.length?table([['Decision'],['Reason','name'],['']"
    ",['Requests','n'],['Share','n']],list.slice().sort(function(a,b){ret"
    "urn b.requests-a.requests}).map(function(o){return[el('span',o.decis"
    "ion,cls[o.decision]),o.reason,bar([[o.requests,'k'+cls[o.decision]]]"
    ",n),num(o.requests),percent(o.requests,n)]})):el('p','Nothing was de"
    "cided yet.','soft'));return s}\n"
    "function limits(list){var s=part('Limits');\n"
    "s.appendChild(table([['Limit','name'],['Permits','n'],['Passed','n']"
    ",['Refused','n'],[''],['Keys','n'],['Near exhaustion','n'],['Exhaust"
    "ed','n']],list.map(function(o){var n=o.passed+o.refused;return[o.lim"
    "it,o.permits+' in '+span(o.window),num(o.passed),num(o.refused+o.refu"
    "sed_dry_run),bar([[o.passed,'kgood','passed'],[o.refused,'kbad','ref"
    "used']],n),num(o.keys),el('span',num(o.near),o.near?'warn':''),el('s"
    "pan',num(o.exhausted),o.exhausted?'bad':'')]})));\n"
    "s.appendChild(el('p','Keys are those that this gateway counts itself"
    ": addresses, API keys, tenants or repositories, by what the limit is"
    " per. Near exhaustion is who has a fifth of the burst left, or less."
    "','soft'));return s}\n"
    "function show(d){var f=document.createDocumentFragment(),c=el('div',"
    "undefined,'cards'),l=d.ledger,n=sum(d.decisions,'requests'),ok=sum(d"
    ".decisions.filter(function(o){return o.decision=='allow'}),'requests"
    "');\n"
    "when.textContent=d.time.replace('T',' ').replace('Z',' UTC');\n"
    "if(l&&l.up){c.appendChild(card('Sent today',bytes(sum(l.tenants,'egr"
    "ess_bytes')),bytes(sum(l.tenants,'redirected_bytes'))+' redirected')"
    ");\n"
    "var full=l.used/l.rows;c.appendChild(card('Ledger of '+l.day,percent"
    "(l.used,l.rows)+' used',num(l.used)+' of '+num(l.rows)+' rows',l.ove"
    "rflows?'bad':full>.8?'warn':''));\n"
    "if(l.synced_at!==undefined){var age=Math.max(0,Math.round(d.now-l.sy"
    "nced_at));c.appendChild(card('In Redis',l.synced_at?age+' s ago':'no"
    "t yet','when all of it was there',age>60?'bad':'good'))}}\n"
    "else if(l)c.appendChild(card('Ledger','is not there','nothing is boo"
    "ked','bad'));\n"
    "c.appendChild(card('Requests allowed',percent(ok,n),num(ok)+' of '+n"
    "um(n)));f.appendChild(c);\n"
    "if(l&&l.up){f.appendChild(egress(l.tenants));if(l.repositories.lengt"
    "h)f.appendChild(repositories(l.repositories))}\n"
    "f.appendChild(decisions(d.decisions));if(d.limits.length)f.appendChi"
    "ld(limits(d.limits));\n"
    "box.replaceChildren(f)}\n"
    "function load(){fetch(location.href,{headers:{Accept:'application/js"
    "on'},cache:'no-store'}).then(function(r){if(!r.ok)throw new Error('T"
    "he gateway answers '+r.status+'.');return r.json()}).then(show).catc"
    "h(function(e){when.textContent=e.message;when.className='bad'})}\n"
    "load();setInterval(load,10000);\n";


static const char  ngx_http_registry_status_head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<title>Registry</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>";

static const char  ngx_http_registry_status_body[] =
    "</style></head>\n<body><main><header><h1>Registry</h1>"
    "<span id=\"when\" class=\"soft\"></span></header>"
    "<div id=\"page\"></div></main>\n"
    "<noscript>This page needs JavaScript; programs get JSON.</noscript>\n"
    "<script>";

static const char  ngx_http_registry_status_tail[] =
    "</script></body></html>\n";


ngx_int_t
ngx_http_registry_status_page(ngx_conf_t *cf, ngx_str_t *page,
    ngx_str_t *policy)
{
    u_char  *p;

    page->data = ngx_pnalloc(cf->pool,
                             sizeof(ngx_http_registry_status_head)
                             + sizeof(ngx_http_registry_status_style)
                             + sizeof(ngx_http_registry_status_body)
                             + sizeof(ngx_http_registry_status_script)
                             + sizeof(ngx_http_registry_status_tail));

    policy->data = ngx_pnalloc(cf->pool, 512);

    if (page->data == NULL || policy->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(page->data, "%s%s%s%s%s",
                    ngx_http_registry_status_head,
                    ngx_http_registry_status_style,
                    ngx_http_registry_status_body,
                    ngx_http_registry_status_script,
                    ngx_http_registry_status_tail);
    page->len = (size_t) (p - page->data);

    p = ngx_sprintf(policy->data, "default-src 'none'; connect-src 'self'; "
                    "img-src data:; base-uri 'none'; form-action 'none'; "
                    "frame-ancestors 'none'; script-src ");
    p = ngx_http_registry_status_hash(p, ngx_http_registry_status_script);
    p = ngx_sprintf(p, "; style-src ");
    p = ngx_http_registry_status_hash(p, ngx_http_registry_status_style);
    policy->len = (size_t) (p - policy->data);

    return NGX_OK;
}


static u_char *
ngx_http_registry_status_hash(u_char *p, const char *text)
{
    u_char     hash[EVP_MAX_MD_SIZE];
    ngx_str_t  source, encoded;

    ngx_memzero(hash, NGX_HTTP_REGISTRY_HASH_LEN);

    /* should it fail, the browser runs nothing */

    (void) EVP_Digest(text, ngx_strlen(text), hash, NULL, EVP_sha256(), NULL);

    p = ngx_sprintf(p, "'sha256-");

    source.len = NGX_HTTP_REGISTRY_HASH_LEN;
    source.data = hash;
    encoded.data = p;

    ngx_encode_base64(&encoded, &source);

    return ngx_sprintf(p + encoded.len, "'");
}
